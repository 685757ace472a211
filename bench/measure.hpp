// SPDX-License-Identifier: BSL-1.0
//
// measure: the cells of the benchmark, one for each transport, size and task, repeated in turn.
//
// Invariants
//   1. What is compared is measured in the same repetition, one directly after the other.
//   2. Each measurement carries the line time right before and right after it; one in which that moved by more
//      than 15%, or is not that of what it is compared with, is repeated up to three times (with --quick once).
//      Then it is marked, and no ratio is made of it.
#pragma once

#include "limits.hpp"
#include "transport.hpp"

#include <map>
#include <optional>

namespace bench {

struct Percentiles {
  double p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0; // ns
};
/// Of durations, less what the clock itself takes. Each is of `together` alike, and divided by that. Finer than
/// the clock, where there are many.
Percentiles percentiles_of(std::span<const std::uint64_t> stamps, double together = 1);

struct Measurement {
  double line_before = 0, line_after = 0; // ns
  bool moved = false;                     // the line time did, by more than 15%
  Percentiles time;                       // of messages: one_way, ping_pong
  Percentiles cost;                       // of the sender's call: one_way, fan_out, alone
  std::vector<Tally> tallies;             // of the receivers
  std::uint64_t sent = 0;
  std::size_t size = 0; // of a message

  double line() const {
    return (line_before + line_after) / 2;
  }
  /// Messages a second, of the first receiver.
  double rate() const;
};

struct Cell {
  const Transport* transport = nullptr;
  std::size_t size_index = 0;
  Task task;
  std::vector<Measurement> runs; // one for each repetition
  std::string unable;            // why there is none

  std::size_t size() const {
    return sizes[size_index];
  }
};

/// Measures the cell once more, if it can in that many attempts with the line time within 25% of `wanted_line`,
/// which it sets where that is 0. Errors: `unable` says why; then it is not tried again.
void measure(Cell& cell, Control& control, double& wanted_line, int attempts);

/// Whether two figures may be compared: they were measured with the cores equally far apart.
bool comparable(double line, double other_line);

struct Spread {
  double median = 0, least = 0, most = 0;
};
Spread spread_of(std::vector<double> values);

} // namespace bench
