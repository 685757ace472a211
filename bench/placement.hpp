// SPDX-License-Identifier: BSL-1.0
//
// placement: on which processors the processes run. All are pinned. Where there are more than two processors, the
// line time of each pair is measured, and the nearest and the farthest pair are chosen.
//
// Who may use it: the main process.
#pragma once

#include <string>
#include <vector>

namespace bench {

/// Between each two processors.
struct LineTimes {
  std::vector<int> cpus;
  std::vector<std::vector<double>> ns;      // by the positions of the sender's and the receiver's in `cpus`
  std::vector<std::vector<bool>> same_core; // they are two threads of one core
};

/// Of the processors that this process may use, at most 64 of them, evenly chosen. Takes 3 ms for each pair.
LineTimes measure_line_times();

struct Placement {
  std::string name;      // "near", "far"; empty: the only one
  std::vector<int> cpus; // the sender's, the receiver's, then those of further receivers
  double line_time = 0;  // of the first two; ns
};

/// The placements to measure with: the pair with the least line time and the one with the largest, of pairs of
/// different cores where there are any. `wanted`: near, far or both. One placement without a name if there is only
/// one pair, or if the two differ by less than 25 %. Requires: two processors.
std::vector<Placement> choose_placements(const LineTimes& times, const std::string& wanted);

} // namespace bench
