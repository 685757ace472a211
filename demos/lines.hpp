// SPDX-License-Identifier: BSL-1.0
//
// lines: standard input, line by line. Unlike std::getline(), a stop token can end it.
#pragma once

#include "system.hpp"

#include <array>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace demo {

class Lines {
 public:
  /// The next line without its newline; nothing at the end of the input, or soon after a stop was requested. Calls
  /// `while_waiting` several times a second while there is no input.
  std::optional<std::string> next(const std::stop_token& stop, const std::function<void()>& while_waiting) {
    for (;;) {
      if (const auto end = text_.find('\n', begin_); end != std::string::npos) {
        const auto begin = std::exchange(begin_, end + 1);
        return text_.substr(begin, end - begin);
      }
      text_.erase(0, std::exchange(begin_, 0));
      if (!read_more(stop, while_waiting)) break;
    }
    if (text_.empty() || stop.stop_requested()) return std::nullopt;
    return std::exchange(text_, {}); // the last line, which has no newline
  }

 private:
  bool read_more(const std::stop_token& stop, const std::function<void()>& while_waiting) {
    while (!stop.stop_requested() && !input_is_ready()) while_waiting();
    if (stop.stop_requested()) return false;
    std::array<char, 65536> chunk;
    const std::size_t size = read_input(chunk);
    text_.append(chunk.data(), size);
    return size > 0;
  }

  std::string text_;
  std::size_t begin_ = 0; // of the next line
};

} // namespace demo
