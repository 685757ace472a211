// SPDX-License-Identifier: BSL-1.0
//
// keyboard: keys as they are typed, for a verb that draws a page in place.
#pragma once

#include <memory>

namespace cli::platform {

/// A terminal on standard input that gives keys as they are typed, without showing them, for as long as this
/// object lives. Ctrl-C still interrupts; nothing else stops the program, so that the terminal is always
/// restored. Does nothing where standard input is no terminal.
class Keyboard {
 public:
  Keyboard();
  Keyboard(const Keyboard&) = delete;
  ~Keyboard();
  /// Whether there are keys to be read, with read_some().
  bool present() const noexcept {
    return before_ != nullptr;
  }

 private:
  struct Settings;
  std::unique_ptr<Settings> before_;
};

} // namespace cli::platform
