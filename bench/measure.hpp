// SPDX-License-Identifier: BSL-1.0
//
// measure: the cells of the benchmark, one for each transport, size and task, measured in turn.
//
// Invariants
//   1. What is compared is measured in the same repetition, one directly after the other.
//   2. Each measurement contains the line time right before it and right after it. It is repeated up to three
//      times (with --quick once) if these differ by more than 15%, or if their mean differs by more than 25%
//      from that of the measurements it is compared with. After that it stays, and no ratio is made of it.
#pragma once

#include "limits.hpp"
#include "statistics.hpp"
#include "transport.hpp"

#include <optional>
#include <string>

namespace bench {

struct Measurement {
  double line_before = 0, line_after = 0; // line times; ns
  bool line_changed = false;              // by more than 15% between the two
  Histogram latency;                      // of messages: one_way, one_way_used, ping_pong
  Histogram send_time;                    // of the sender's call: one_way, fan_out, no_receiver
  std::vector<Counts> counts;             // one for each receiver
  std::uint64_t sent = 0;
  std::uint64_t sender_cpu_ns = 0;
  std::optional<double> joules; // of the processor's packages meanwhile, where the kernel counts them
  std::size_t size = 0;         // of a message

  double line_time() const {
    return (line_before + line_after) / 2;
  }
  std::uint64_t received() const {
    return counts.empty() ? 0 : counts[0].received;
  }
  /// Messages a second, of the first receiver.
  double rate() const {
    return counts.empty() || counts[0].seconds <= 0 ? 0 : static_cast<double>(received()) / counts[0].seconds;
  }
};

struct Cell {
  const Transport* transport = nullptr;
  std::size_t size = 0;
  Task task;
  std::vector<Measurement> runs; // one for each repetition
  std::string skip_reason;       // why there are none
};

struct Options;

/// Adds a measurement to the cell, the first within `attempts` whose line time is within 25% of
/// `reference_line_time`, or the last. Sets the reference where it is 0.
/// Errors: sets the cell's skip_reason. A cell that has one is not measured again.
void measure(Cell& cell, Control& control, std::span<const int> cpus, double& reference_line_time,
             const Options& options);

/// Whether two figures may be compared: their line times differ by at most 25%.
bool comparable(double line_time, double other_line_time);

} // namespace bench
