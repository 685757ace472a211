// SPDX-License-Identifier: BSL-1.0
//
// screen: a page on the terminal that is redrawn in place. What the terminal showed before is restored when the
// object is destroyed.
#pragma once

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

  /// Shows these lines, and nothing else. Errors: throws Failure if the terminal cannot be written.
  void draw(const std::vector<std::string>& lines);

  enum class Event { timeout, key_q, resized, stopped };
  /// Waits for the first of these.
  Event wait_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop);

  /// Columns and rows at the last draw().
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
