// SPDX-License-Identifier: BSL-1.0
//
// screen: a terminal that is drawn anew in place, on a page of its own; what was there before comes back at the
// end, however the program ends.
#pragma once

#include "platform/keyboard.hpp"
#include "platform/platform.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace cli {

class Screen {
 public:
  /// Requires: standard output is a terminal.
  Screen();
  Screen(const Screen&) = delete;
  ~Screen();

  /// Shows these lines, and nothing else. Throws Failure if nothing can be written.
  void draw(const std::vector<std::string>& lines);

  enum class Woken { timeout, key_q, resized, stopped };
  /// Waits for one of these.
  Woken wait_until(std::chrono::steady_clock::time_point then, const std::stop_token& stop);

  /// Columns and rows, when it was drawn last.
  platform::Size size() const noexcept {
    return size_;
  }

 private:
  bool q_typed(int milliseconds);

  platform::Keyboard keyboard_;
  platform::Size size_;
  bool has_keys_;
};

} // namespace cli
