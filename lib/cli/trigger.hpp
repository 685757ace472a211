// SPDX-License-Identifier: BSL-1.0
//
// trigger: what has a black box write its file: a signal, or the end of a command.
//
// Who may call it: the main thread.
#pragma once

#include "console.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace cli {

class Trigger {
 public:
  /// `on`: SIGUSR1 or SIGUSR2, or a command for the shell. The command is started now; when it ends with 0,
  /// that is a trigger, and it is started again.
  Trigger(std::string on, Console& console);

  /// Whether there was a trigger since the last call. A command that fails is started again after a second,
  /// with a complaint. Errors: throws Failure for one that cannot be run at all.
  bool fired();

  /// "SIGUSR1", or "'COMMAND'".
  std::string name() const {
    return signal_ ? on_ : '\'' + on_ + '\'';
  }

 private:
  bool command_succeeded();

  std::string on_;
  Console& console_;
  std::optional<int> signal_;
  std::unique_ptr<platform::ShellCommand> command_;
  std::chrono::steady_clock::time_point start_again_{};
};

} // namespace cli
