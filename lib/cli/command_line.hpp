// SPDX-License-Identifier: BSL-1.0
//
// command_line: what main() of each program with verbs does: it parses the command line, and turns the result of
// a verb into an exit status.
#pragma once

#include "verb.hpp"

#include <functional>
#include <string>

namespace cli {

/// A program with verbs, as its --help describes it.
struct Program {
  std::string name;
  std::string description;
  std::string footer; ///< The end of --help: exit status, and examples last.
  std::function<void(CLI::App&, Action&)> add_verbs;
};

/// Runs the verb that the command line names; gives the exit status of the process.
/// Requires: there is no other thread yet.
int run_program(const Program& program, int argc, char** argv);

} // namespace cli
