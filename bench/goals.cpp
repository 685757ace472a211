// SPDX-License-Identifier: BSL-1.0
//
// goals: what seqcast is to reach, as ratios to a rival or to a limit of the same repetition. Decision 0009 in
// lib/docs/decisions explains the bounds.
#include "figures.hpp"
#include "transports/all.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace bench {

using namespace figures;

namespace {

/// A figure, and the line time that it was measured at.
struct Value {
  static constexpr double independent = 0; // in place of a line time: the figure does not depend on it
  static constexpr double unusable = -1;   // the line time changed, or is outside the band

  double value = 0;
  double line_time = 0;
};
using Values = std::vector<Value>; // one for each repetition; empty: not measured

class Goals {
 public:
  Goals(const Plan& plan, const Band& band) : plan_{plan}, band_{band} {}

  Values of(const Transport& transport, std::size_t size, Scenario scenario, Figure figure,
            int receivers = 1) const {
    const Cell* cell = plan_.find(transport, size, scenario, receivers);
    Values values;
    if (cell == nullptr || !cell->skip_reason.empty()) return values;
    for (const Measurement& run : cell->runs) {
      const bool usable = !run.line_changed && band_.contains(run);
      values.push_back({figure(run), usable ? run.line_time() : Value::unusable});
    }
    return values;
  }
  /// In each repetition the best of the rivals that copy, as seqcast does.
  Values best_rival(std::size_t size, Scenario scenario, Figure figure, bool smallest) const {
    Values best;
    for (const Transport* rival : all) {
      if (!rival->about.rival || rival->about.in_place) continue;
      const Values values = of(*rival, size, scenario, figure);
      if (best.empty()) best = values;
      for (std::size_t i = 0; i < std::min(best.size(), values.size()); ++i) {
        if (values[i].line_time < 0) continue;
        const bool better = smallest ? values[i].value < best[i].value : values[i].value > best[i].value;
        if (better || best[i].line_time < 0) best[i] = values[i];
      }
    }
    return best;
  }
  /// As many as in `other`.
  static Values constant(double value, const Values& other) {
    return Values(other.size(), {value, Value::independent});
  }
  static Values independent(const std::vector<double>& values) {
    Values all_values;
    for (const double value : values) all_values.push_back({value, Value::independent});
    return all_values;
  }

  void at_most(double bound, std::string what, std::string rival, const Values& ours, const Values& theirs) {
    add({.what = std::move(what), .rival = std::move(rival), .bound = bound}, ours, theirs);
  }
  void at_least(double bound, std::string what, std::string rival, const Values& ours, const Values& theirs) {
    add({.what = std::move(what), .rival = std::move(rival), .bound = bound, .at_most = false}, ours, theirs);
  }
  std::vector<Goal> take() {
    return std::move(goals_);
  }

 private:
  void add(Goal goal, const Values& ours, const Values& theirs) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      const double line_time = ours[i].line_time;
      const double other = theirs[i].line_time;
      if (line_time < 0 || other < 0 || theirs[i].value <= 0) continue;
      const bool independent = line_time == Value::independent || other == Value::independent;
      if (independent || comparable(line_time, other)) ratios.push_back(ours[i].value / theirs[i].value);
    }
    goal.measured = !ratios.empty();
    goal.ratio = spread_of(ratios);
    goals_.push_back(std::move(goal));
  }
  const Plan& plan_;
  Band band_;
  std::vector<Goal> goals_;
};

} // namespace

std::vector<Goal> goals_of(const Plan& plan, const Band& band) {
  using enum Scenario;
  Goals goals{plan, band};
  const auto ours = [&](std::size_t size, Figure figure) {
    return goals.of(seqcast_next, size, one_way, figure);
  };
  for (const std::size_t size : {8U, 48U}) {
    const Values line = ours(size, line_time);
    goals.at_most(1.15, fmt::format("one-way p50, {} B", size), "line", ours(size, p50), line);
    goals.at_most(1.6, fmt::format("one-way p99, {} B", size), "line", ours(size, p99), line);
  }
  for (const std::size_t size : {8U, 48U}) {
    goals.at_most(1.3, fmt::format("publish, no subscriber, {} B, no bell", size), "memcpy and flag",
                  goals.of(seqcast_no_bell, size, no_receiver, send_p50, 0),
                  goals.of(handoff_ring, size, no_receiver, send_p50, 0));
  }
  for (const std::size_t size : {256U, 1024U}) {
    const std::string what = fmt::format("one-way p50, {} B", size);
    goals.at_most(1.3, what, "naive", ours(size, p50), goals.of(naive, size, one_way, p50));
    goals.at_most(0.6, what, "best rival", ours(size, p50), goals.best_rival(size, one_way, p50, true));
  }
  const struct {
    std::size_t size;
    double handoff, rival;
  } large[]{{4096, 0.6, 0.45}, {65536, 0.25, 0.5}, {1048576, 0.33, 0.7}};
  for (const auto& [size, handoff_bound, rival_bound] : large) {
    const bool behind = size > 8192;
    const std::string what = fmt::format("one-way p50, {} KiB{}", size / 1024, behind ? ", copy_behind" : "");
    const Values us = goals.of(behind ? seqcast_behind : seqcast_next, size, one_way, p50);
    goals.at_most(handoff_bound, what, "hand-off", us, goals.of(handoff, size, one_way, p50));
    goals.at_most(rival_bound, what, "best rival", us, goals.best_rival(size, one_way, p50, true));
  }
  const auto in_place = [&](const Transport& transport, Figure figure) {
    return goals.of(transport, 1048576, one_way, figure);
  };
  goals.at_most(2, "loan() and view() of 1 MiB, untouched", "line", in_place(seqcast_untouched, p50),
                in_place(seqcast_untouched, line_time));
  goals.at_most(1, "loan() and view() of 1 MiB, every byte", "iceoryx, touched", in_place(seqcast_touched, p50),
                in_place(iceoryx_touched, p50));
  goals.at_least(1.5, "flat out, 64 KiB, 8 MiB of slots", "best rival",
                 goals.of(seqcast_large_ring, 65536, flat_out, rate),
                 goals.best_rival(65536, flat_out, rate, false));
  goals.at_least(3, "flat out, 48 B, 8 MiB of slots", "best rival",
                 goals.of(seqcast_large_ring, 48, flat_out, rate), goals.best_rival(48, flat_out, rate, false));
  const Values lost = goals.of(seqcast_large_ring, 48, flat_out, lost_fraction);
  goals.at_most(0.01, "flat out, 48 B: fraction lost", "1", lost, Goals::constant(1, lost));
  const auto send_time = [&](const Transport& transport, Figure figure, int receivers) {
    return goals.of(transport, 48, fan_out, figure, receivers);
  };
  for (const auto& [name, figure] : {std::pair{"p50", &send_p50}, std::pair{"p99", &send_p99}}) {
    goals.at_most(1.2, fmt::format("publish with a polling subscriber, 48 B, {}", name), "naive",
                  send_time(seqcast_next, figure, 1), send_time(naive, figure, 1));
  }
  goals.at_least(0.3, "latest(), never-pausing publisher, 1 KiB", "idle channel",
                 goals.of(seqcast_latest, 1024, flat_out, rate), Goals::independent(plan.limits.idle_latest));
  const Values failed = goals.of(seqcast_latest, 1024, flat_out, failed_in_row);
  goals.at_most(4, "latest() calls that give up, in a row", "1", failed, Goals::constant(1, failed));
  goals.at_most(1.5, "publish with 8 subscribers, 48 B, p50", "1 subscriber",
                send_time(seqcast_next, send_p50, 8), send_time(seqcast_next, send_p50, 1));
  return goals.take();
}

} // namespace bench
