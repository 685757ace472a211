// SPDX-License-Identifier: BSL-1.0
//
// figures: what tables, plots and goals take from a measurement, one number each.
#pragma once

#include "plan.hpp"

namespace bench::figures {

using Number = double (*)(const Measurement&);

inline double p50(const Measurement& run) {
  return run.time.p50;
}
inline double p99(const Measurement& run) {
  return run.time.p99;
}
inline double cost_p50(const Measurement& run) {
  return run.cost.p50;
}
inline double cost_p99(const Measurement& run) {
  return run.cost.p99;
}
inline double rate(const Measurement& run) {
  return run.rate();
}
inline double million_a_second(const Measurement& run) {
  return run.rate() / 1e6;
}
inline double gigabytes_a_second(const Measurement& run) {
  return run.rate() * static_cast<double>(run.size) / 1e9;
}
/// Of what was sent, the part that the first receiver did not get.
inline double lost_part(const Measurement& run) {
  if (run.sent == 0 || run.tallies.empty()) return 0;
  return 1 - static_cast<double>(run.tallies[0].received) / static_cast<double>(run.sent);
}
inline double lost_percent(const Measurement& run) {
  return 100 * lost_part(run);
}
inline double torn_percent(const Measurement& run) {
  if (run.tallies.empty() || run.tallies[0].received == 0) return 0;
  return 100 * static_cast<double>(run.tallies[0].torn) / static_cast<double>(run.tallies[0].received);
}
inline double line(const Measurement& run) {
  return run.line();
}

/// The figure's median, least and most over the cell's repetitions in that band; nothing if there are none.
inline std::optional<Spread> spread(const Cell& cell, Number number, const Band& band) {
  std::vector<double> values;
  for (const Measurement& run : cell.runs) {
    if (band.holds(run)) values.push_back(number(run));
  }
  if (values.empty()) return std::nullopt;
  return spread_of(values);
}

} // namespace bench::figures
