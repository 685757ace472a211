// SPDX-License-Identifier: BSL-1.0
//
// figures: what tables, plots and goals take from a measurement, one number each.
#pragma once

#include "plan.hpp"

#include <optional>

namespace bench::figures {

using Figure = double (*)(const Measurement&);

inline double p50(const Measurement& run) {
  return run.latency.p50;
}
inline double p99(const Measurement& run) {
  return run.latency.p99;
}
inline double send_p50(const Measurement& run) {
  return run.send_time.p50;
}
inline double send_p99(const Measurement& run) {
  return run.send_time.p99;
}
inline double rate(const Measurement& run) {
  return run.rate();
}
inline double millions_per_second(const Measurement& run) {
  return run.rate() / 1e6;
}
inline double gigabytes_per_second(const Measurement& run) {
  return run.rate() * static_cast<double>(run.size) / 1e9;
}
/// Of the messages sent, the fraction that the first receiver did not receive.
inline double lost_fraction(const Measurement& run) {
  if (run.sent == 0 || run.counts.empty()) return 0;
  return 1 - static_cast<double>(run.counts[0].received) / static_cast<double>(run.sent);
}
inline double lost_percent(const Measurement& run) {
  return 100 * lost_fraction(run);
}
inline double torn_percent(const Measurement& run) {
  if (run.counts.empty() || run.counts[0].received == 0) return 0;
  return 100 * static_cast<double>(run.counts[0].torn) / static_cast<double>(run.counts[0].received);
}
inline double failed_in_row(const Measurement& run) {
  return run.counts.empty() ? 0 : static_cast<double>(run.counts[0].max_failed_in_row);
}
inline double line_time(const Measurement& run) {
  return run.line_time();
}

/// The figure over the cell's repetitions in that band; nothing if there are none.
inline std::optional<Spread> spread(const Cell& cell, Figure figure, const Band& band) {
  std::vector<double> values;
  for (const Measurement& run : cell.runs) {
    if (band.contains(run)) values.push_back(figure(run));
  }
  if (values.empty()) return std::nullopt;
  return spread_of(values);
}

} // namespace bench::figures
