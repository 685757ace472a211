// SPDX-License-Identifier: BSL-1.0
//
// goals: what seqcast is to reach, as ratios to a rival or to a limit of the same repetition. Decision 0010 in
// lib/docs/decisions explains the bounds. The goal of waking is in waiting.cpp.
#include "figures.hpp"
#include "transports/all.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace bench {

using namespace figures;

namespace {

/// A figure, and the line time that it was measured at.
struct Value {
  static constexpr double unusable = -1; // the line time changed, or is outside the band

  double value = 0;
  double line_time = 0;
};
using Values = std::vector<Value>; // one for each repetition; empty: not measured

class Goals {
 public:
  Goals(const Plan& plan, const Band& band) : plan_{plan}, band_{band} {}

  Values of(const Transport& transport, std::size_t size, Scenario scenario, Figure figure) const {
    const Cell* cell = plan_.find(transport, size, scenario, scenario == Scenario::no_receiver ? 0 : 1);
    Values values;
    if (cell == nullptr || !cell->skip_reason.empty()) return values;
    for (const Measurement& run : cell->runs) {
      const bool usable = !run.line_changed && band_.contains(run);
      values.push_back({figure(run), usable ? run.line_time() : Value::unusable});
    }
    return values;
  }
  /// In each repetition the best of the rivals that are never torn, one message at a time. Flat out only those
  /// whose ring has as many bytes as that of seqcast.
  Values best_rival(std::size_t size, Scenario scenario, Figure figure) const {
    const bool flat_out = scenario == Scenario::flat_out;
    Values best;
    for (const Transport* rival : all) {
      const Description& about = rival->about;
      if (!about.sound || about.flat_out_only || (flat_out && about.at_best)) continue;
      const Values values = of(*rival, size, scenario, figure);
      if (best.empty()) best = values;
      for (std::size_t i = 0; i < std::min(best.size(), values.size()); ++i) {
        if (values[i].line_time < 0) continue;
        const bool better = flat_out ? values[i].value > best[i].value : values[i].value < best[i].value;
        if (better || best[i].line_time < 0) best[i] = values[i];
      }
    }
    return best;
  }
  void add(Goal goal, const Values& ours, const Values& theirs) {
    std::vector<double> reached;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
      const auto& [us, our_line] = ours[i];
      const auto& [them, their_line] = theirs[i];
      if (our_line < 0 || their_line < 0 || them <= 0 || !comparable(our_line, their_line)) continue;
      reached.push_back(goal.difference ? us - them : us / them);
    }
    goal.measured = !reached.empty();
    goal.reached = spread_of(reached);
    goals_.push_back(std::move(goal));
  }
  std::vector<Goal> goals_;

 private:
  const Plan& plan_;
  Band band_;
};

std::string size_name(std::size_t size) {
  if (size < 1024) return fmt::format("{} B", size);
  return size < 1048576 ? fmt::format("{} KiB", size / 1024) : "1 MiB";
}

} // namespace

std::vector<Goal> goals_of(const Plan& plan, const Band& band) {
  using enum Scenario;
  Goals goals{plan, band};
  const bool far = plan.line_time(band) > 150; // ns: on another die, or in another socket

  for (const std::size_t size : sizes) {
    const bool large = size >= 65536;
    const std::string what = fmt::format("one-way p50, {}{}", size_name(size), large ? ", copy_behind" : "");
    const Transport& transport = large ? seqcast_behind : seqcast_next;
    const Values ours = goals.of(transport, size, one_way, p50);
    if (size <= 48) {
      goals.add({.what = what, .rival = "line", .bound = 1.12}, ours,
                goals.of(transport, size, one_way, line_time));
    } else {
      const double bound = size <= 4096 ? 1.10 : size == 65536 ? 0.65 : far ? 0.30 : 0.45;
      goals.add({.what = what, .rival = "hand-off", .bound = bound}, ours,
                goals.of(handoff, size, one_way, p50));
    }
    goals.add({.what = what, .rival = "best rival", .bound = 1}, ours, goals.best_rival(size, one_way, p50));
  }
  goals.add({.what = "1 MiB, every word written and read", .rival = "best rival", .bound = 1},
            goals.of(seqcast_in_place, 1048576, one_way_used, p50),
            goals.best_rival(1048576, one_way_used, p50));

  std::vector<double> medians;
  for (const std::size_t size : sizes) {
    goals.add({.what = fmt::format("flat out, {}", size_name(size)),
               .rival = "best rival",
               .bound = 1,
               .at_most = false},
              goals.of(seqcast_next, size, flat_out, rate), goals.best_rival(size, flat_out, rate));
    if (goals.goals_.back().measured) medians.push_back(goals.goals_.back().reached.median);
  }
  for (const std::size_t size : {8U, 48U}) {
    goals.add({.what = fmt::format("flat out, batches of 16, {}", size_name(size)),
               .rival = "best rival's single",
               .bound = 2,
               .at_most = false},
              goals.of(seqcast_batches, size, flat_out, rate), goals.best_rival(size, flat_out, rate));
  }
  std::sort(medians.begin(), medians.end(), std::greater<>{});
  if (medians.size() == sizes.size()) {
    goals.goals_.push_back({.what = "flat out, the second best size",
                            .rival = "best rival",
                            .bound = 1.5,
                            .at_most = false,
                            .reached = {medians[1], medians[1], medians[1]},
                            .measured = true});
  }
  for (const std::size_t size : {8U, 48U, 256U}) {
    const Values no_bell = goals.of(seqcast_no_bell, size, no_receiver, send_p50);
    goals.add({.what = fmt::format("publish, no subscriber, {}, no bell", size_name(size)),
               .rival = "hand-off, ring",
               .bound = 1.4},
              no_bell, goals.of(handoff_ring, size, no_receiver, send_p50));
    goals.add({.what = fmt::format("publish, no subscriber, {}, bell, ns more", size_name(size)),
               .rival = "no bell",
               .bound = 0.6,
               .difference = true},
              goals.of(seqcast_next, size, no_receiver, send_p50), no_bell);
  }
  return std::move(goals.goals_);
}

} // namespace bench
