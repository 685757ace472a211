// SPDX-License-Identifier: BSL-1.0
//
// goals: what seqcast is to reach, as ratios to a rival or a limit of the same repetition.
#include "figures.hpp"
#include "plan.hpp"
#include "transports/all.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace bench {

using namespace figures;

namespace {

/// A figure, and the line time that it was measured with; 0 where that does not matter, -1 where it cannot be
/// used.
struct Value {
  double value = 0;
  double line = 0;
};
using Values = std::vector<Value>; // one for each repetition; empty: not measured

class Goals {
 public:
  Goals(const Plan& plan, const Band& band) : plan_{plan}, band_{band} {}

  Values of(const Transport& transport, std::size_t size, Scenario scenario, Number number,
            int receivers = 1) const {
    const Cell* cell = plan_.find(transport, size, scenario, receivers);
    Values values;
    if (cell == nullptr || !cell->unable.empty()) return values;
    for (const Measurement& run : cell->runs) {
      values.push_back({number(run), run.moved || !band_.holds(run) ? -1 : run.line()});
    }
    return values;
  }
  /// In each repetition the best of the rivals that are never torn.
  Values best_rival(std::size_t size, Scenario scenario, Number number, bool least) const {
    Values best;
    for (const Transport* rival : all) {
      if (!rival->about.rival || rival->about.in_place) continue;
      const Values values = of(*rival, size, scenario, number);
      if (best.empty()) best = values;
      for (std::size_t i = 0; i < std::min(best.size(), values.size()); ++i) {
        if (values[i].line < 0) continue;
        const bool better = least ? values[i].value < best[i].value : values[i].value > best[i].value;
        if (better || best[i].line < 0) best[i] = values[i];
      }
    }
    return best;
  }

  void at_most(double bound, std::string what, std::string rival, const Values& ours, const Values& theirs) {
    add({std::move(what), std::move(rival), bound, true, {}, false}, ours, theirs);
  }
  void at_least(double bound, std::string what, std::string rival, const Values& ours, const Values& theirs) {
    add({std::move(what), std::move(rival), bound, false, {}, false}, ours, theirs);
  }
  std::vector<Goal> take() {
    return std::move(goals_);
  }
  Values constant(double value, const Values& like) const {
    return Values(like.size(), {value, 0});
  }
  Values fixed(const std::vector<double>& values) const {
    Values made;
    for (const double value : values) made.push_back({value, 0});
    return made;
  }

 private:
  void add(Goal goal, const Values& ours, const Values& theirs) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      const bool same = ours[i].line == 0 || theirs[i].line == 0 || comparable(ours[i].line, theirs[i].line);
      if (same && ours[i].line >= 0 && theirs[i].line >= 0 && theirs[i].value > 0) {
        ratios.push_back(ours[i].value / theirs[i].value);
      }
    }
    goal.known = !ratios.empty();
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
  const auto ours = [&](std::size_t size, Number number) {
    return goals.of(seqcast_next, size, one_way, number);
  };
  for (const std::size_t size : {8U, 48U}) {
    goals.at_most(1.15, fmt::format("one-way p50, {} B", size), "line", ours(size, p50), ours(size, line));
    goals.at_most(1.6, fmt::format("one-way p99, {} B", size), "line", ours(size, p99), ours(size, line));
  }
  for (const std::size_t size : {8U, 48U}) {
    goals.at_most(1.3, fmt::format("publish, nobody reading, {} B, no bell", size), "memcpy and flag",
                  goals.of(seqcast_no_bell, size, alone, cost_p50, 0),
                  goals.of(handoff_ring, size, alone, cost_p50, 0));
  }
  for (const std::size_t size : {256U, 1024U}) {
    const std::string what = fmt::format("one-way p50, {} B", size);
    goals.at_most(1.3, what, "naive", ours(size, p50), goals.of(naive, size, one_way, p50));
    goals.at_most(0.6, what, "best whole rival", ours(size, p50), goals.best_rival(size, one_way, p50, true));
  }
  const struct {
    std::size_t size;
    double handoff, rival;
  } large[]{{4096, 0.6, 0.45}, {65536, 0.25, 0.5}, {1048576, 0.33, 0.7}};
  for (const auto& [size, to_handoff, to_rival] : large) {
    const bool behind = size > 8192;
    const std::string what = fmt::format("one-way p50, {} KiB{}", size / 1024, behind ? ", copy_behind" : "");
    const Values us = goals.of(behind ? seqcast_behind : seqcast_next, size, one_way, p50);
    goals.at_most(to_handoff, what, "hand-off", us, goals.of(handoff, size, one_way, p50));
    goals.at_most(to_rival, what, "best whole rival", us, goals.best_rival(size, one_way, p50, true));
  }
  const auto in_place = [&](const Transport& transport, Number number) {
    return goals.of(transport, 1048576, one_way, number);
  };
  goals.at_most(2, "loan() and view() of 1 MiB, untouched", "line", in_place(seqcast_untouched, p50),
                in_place(seqcast_untouched, line));
  goals.at_most(1, "loan() and view() of 1 MiB, every byte", "iceoryx alike", in_place(seqcast_touched, p50),
                in_place(iceoryx_touched, p50));
  goals.at_least(1.5, "flat out, 64 KiB, 8 MiB of slots", "best whole rival",
                 goals.of(seqcast_large_ring, 65536, flat_out, rate),
                 goals.best_rival(65536, flat_out, rate, false));
  const Values flat = goals.of(seqcast_large_ring, 48, flat_out, rate);
  goals.at_least(3, "flat out, 48 B, 8 MiB of slots", "best whole rival", flat,
                 goals.best_rival(48, flat_out, rate, false));
  const Values lost = goals.of(seqcast_large_ring, 48, flat_out, lost_part);
  goals.at_most(0.01, "flat out, 48 B: part that is lost", "all sent", lost, goals.constant(1, lost));
  const auto sender = [&](const Transport& transport, Number number, int receivers) {
    return goals.of(transport, 48, fan_out, number, receivers);
  };
  for (const auto& [name, number] : {std::pair{"p50", &cost_p50}, std::pair{"p99", &cost_p99}}) {
    goals.at_most(1.2, fmt::format("publish with a polling subscriber, 48 B, {}", name), "naive",
                  sender(seqcast_next, number, 1), sender(naive, number, 1));
  }
  const Values still = goals.fixed(plan.limits.still_reads);
  goals.at_least(0.3, "latest(), never-pausing publisher, 1 KiB", "a still channel",
                 goals.of(seqcast_latest, 1024, flat_out, rate), still);
  const auto in_a_row = [](const Measurement& run) { return static_cast<double>(run.tallies[0].most_failed); };
  const Values tries = goals.of(seqcast_latest, 1024, flat_out, in_a_row);
  goals.at_most(4, "latest() calls that give up, in a row", "one", tries, goals.constant(1, tries));
  goals.at_most(1.5, "publish with 8 subscribers, 48 B, p50", "with one", sender(seqcast_next, cost_p50, 8),
                sender(seqcast_next, cost_p50, 1));
  return goals.take();
}

} // namespace bench
