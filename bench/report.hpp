// SPDX-License-Identifier: BSL-1.0
//
// report: what came out, for people and for programs.
#pragma once

#include "plan.hpp"

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace bench {

/// Tables of at most 100 columns, and the goals; once for each distance that the cores had.
std::string tables(const Plan& plan);

/// Everything, with the facts of the machine.
nlohmann::json to_json(const Plan& plan, const Choice& choice);

/// Cores, caches, kernel, compiler, flags, commit.
nlohmann::json machine_facts();

/// Writes results.json, table.txt, and the .dat files that bench/plots/draw makes pictures of.
/// Errors: throws std::system_error or std::runtime_error with the file's name.
void write_folder(const std::string& folder, const Plan& plan, const Choice& choice);

} // namespace bench
