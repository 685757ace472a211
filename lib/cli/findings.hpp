// SPDX-License-Identifier: BSL-1.0
//
// findings: the checks of 'seqcast doctor': properties of the system, and what to do where one hinders seqcast.
// They only read; the trial creates a channel and removes it.
//
// Invariants
//   1. What cannot be read gives no finding, and is no failure.
//   2. A Grade::problem prevents channels from working; a Grade::warning makes them slower, or removes them at
//      times that users do not expect.
#pragma once

#include "console.hpp"
#include "exit_code.hpp"

#include <string>
#include <vector>

namespace cli {

enum class Grade { good, note, warning, problem };

/// "ok", "note", "warning", "problem".
const char* to_string(Grade grade) noexcept;

struct Finding {
  Grade grade = Grade::good;
  std::string subject;
  std::string found;
  std::string advice; ///< what to do; empty if there is nothing
};

/// All findings about the system whose files are below `root` ("" for this one).
std::vector<Finding> check_system(const std::string& root);

/// Publishes a message through shared memory, and receives it.
Finding try_channel();

/// Prints them, for people or as a JSON array; Exit::failure if one is a problem.
Exit report(const std::vector<Finding>& findings, bool json, Console& console);

} // namespace cli
