// SPDX-License-Identifier: BSL-1.0
//
// report: the results, as tables for people and as files for programs and plots.
#pragma once

#include "plan.hpp"

#include <nlohmann/json_fwd.hpp>

namespace bench {

/// Tables of at most 100 columns, and the goals: once for each band of line times.
std::string tables(const Plan& plan);

/// All measurements, with the facts of the machine.
nlohmann::json to_json(const Plan& plan, const Options& options);

/// Writes results.json, table.txt, and the .dat files that bench/plots/draw reads.
/// Errors: throws std::runtime_error with the file's name.
void write_folder(const std::string& folder, const Plan& plan, const Options& options);

} // namespace bench
