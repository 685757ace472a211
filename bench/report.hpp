// SPDX-License-Identifier: BSL-1.0
//
// report: the results, as tables for people and as files for programs and plots.
#pragma once

#include "plan.hpp"

#include <nlohmann/json_fwd.hpp>

namespace bench {

struct Results {
  Options options;
  LineTimes line_times;
  std::deque<Plan> plans; // one for each placement
};

/// Tables of at most 100 columns, and the goals: once for each placement and band of line times.
std::string tables(const Results& results);

/// All measurements, with the facts of the machine.
nlohmann::json to_json(const Results& results);

/// Writes results.json, table.txt, and the .dat files that bench/plots/draw reads: with two placements into a
/// folder for each.
/// Errors: throws std::runtime_error with the file's name.
void write_folder(const std::string& folder, const Results& results);

} // namespace bench
