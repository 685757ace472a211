// SPDX-License-Identifier: BSL-1.0
//
// exit_code: the exit statuses of the tool. They are documented in --help, and do not change: scripts use them.
#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

namespace cli {

enum class Exit {
  ok = 0,
  failure = 1,        ///< something failed; standard error has the reason
  usage = 2,          ///< the command line is wrong
  not_found = 3,      ///< no such channel
  timeout = 4,        ///< the time of --timeout is over
  publisher_gone = 5, ///< the publisher died, or closed too early; or the channel was removed or replaced
  loss = 6,           ///< a message was lost, and --strict was given
  interrupted = 130,  ///< SIGINT, SIGTERM or SIGHUP; the process then ends by that signal
};

/// Ends a verb: main() prints the text on standard error and exits with the status.
class Failure : public std::runtime_error {
 public:
  Failure(Exit status, const std::string& text) : std::runtime_error{text}, status_{status} {}
  Exit status() const noexcept {
    return status_;
  }

 private:
  Exit status_;
};

/// The status for an error of the library.
Exit exit_for(const std::error_code& error) noexcept;

/// The table of all statuses, for --help.
const char* exit_codes_help() noexcept;

} // namespace cli
