// SPDX-License-Identifier: BSL-1.0
//
// exit_code: what the tool's exit status says. Scripts depend on these numbers: they are in --help, and do not
// change.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

namespace cli {

enum class Exit {
  ok = 0,
  failure = 1,        ///< something went wrong, and stderr says what
  usage = 2,          ///< the command line cannot be meant
  not_found = 3,      ///< no such channel
  timeout = 4,        ///< --timeout is over
  publisher_gone = 5, ///< the publisher died, or ended before all was there that was asked for
  loss = 6,           ///< a message was lost, and --strict does not allow it
  interrupted = 130,  ///< SIGINT; or SIGTERM and SIGHUP: then the program ends by that signal
};

/// Ends a verb: main() prints the text on stderr and exits with the status.
class Failure : public std::runtime_error {
 public:
  Failure(Exit status, const std::string& text) : std::runtime_error{text}, status_{status} {}
  Exit status() const noexcept {
    return status_;
  }

 private:
  Exit status_;
};

/// The status for what the library reports: not_found where there is no channel, usage where the name or the
/// options cannot be a channel's, failure for everything else.
Exit exit_for(const std::error_code& error) noexcept;

/// What the library's advice, which is for programmers, means at the shell; empty if there is nothing to add.
const char* shell_advice(const std::error_code& error) noexcept;

/// The table of all statuses, for --help.
const char* exit_codes_help() noexcept;

} // namespace cli
