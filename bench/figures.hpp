// SPDX-License-Identifier: BSL-1.0
//
// figures: what tables, plots and goals take from a measurement, one number each.
#pragma once

#include "plan.hpp"

namespace bench::figures {

using Figure = double (*)(const Measurement&);

inline double p50(const Measurement& run) {
  return run.latency.median();
}
inline double p99(const Measurement& run) {
  return run.latency.percentile(0.99).value_or(run.latency.max());
}
inline double send_p50(const Measurement& run) {
  return run.send_time.median();
}
inline double rate(const Measurement& run) {
  return run.rate();
}
inline double millions_per_second(const Measurement& run) {
  return run.rate() / 1e6;
}
/// Of the messages sent, those that the first receiver did not receive.
inline double lost_percent(const Measurement& run) {
  if (run.sent == 0) return 0;
  return 100 * (1 - static_cast<double>(run.received()) / static_cast<double>(run.sent));
}
/// Of the messages received, those that were torn.
inline double torn_percent(const Measurement& run) {
  if (run.received() == 0) return 0;
  return 100 * static_cast<double>(run.counts[0].torn) / static_cast<double>(run.received());
}
/// Processor time of the sending process for each message sent, ns.
inline double sender_cpu(const Measurement& run) {
  return run.sent == 0 ? 0 : static_cast<double>(run.sender_cpu_ns) / static_cast<double>(run.sent);
}
/// Processor time of the receiving process for each message received, ns.
inline double receiver_cpu(const Measurement& run) {
  return run.received() == 0 ? 0
                             : static_cast<double>(run.counts[0].cpu_ns) / static_cast<double>(run.received());
}
/// Of the processor's packages for each message received, nJ.
inline double energy_nj(const Measurement& run) {
  return run.received() == 0 ? 0 : 1e9 * run.joules.value_or(0) / static_cast<double>(run.received());
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

/// A percentile of the latencies of all repetitions in that band; nothing if there are too few samples.
inline std::optional<double> percentile(const Cell& cell, double part, const Band& band) {
  Histogram pooled;
  for (const Measurement& run : cell.runs) {
    if (band.contains(run)) pooled.add(run.latency);
  }
  return pooled.percentile(part);
}

} // namespace bench::figures
