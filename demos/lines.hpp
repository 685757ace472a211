// SPDX-License-Identifier: BSL-1.0
//
// lines: standard input line by line, in a way that a stop token can end; std::getline() cannot be told to
// stop.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>

class Lines {
 public:
  /// The next line without its newline; nothing at the end of the input, or soon after a stop is requested.
  std::optional<std::string> next(const std::stop_token& stop) {
    for (;;) {
      if (const auto end = text_.find('\n', begin_); end != std::string::npos) {
        const auto begin = std::exchange(begin_, end + 1);
        return text_.substr(begin, end - begin);
      }
      text_.erase(0, std::exchange(begin_, 0));
      if (!read_more(stop)) break;
    }
    if (text_.empty() || stop.stop_requested()) return std::nullopt;
    return std::exchange(text_, {}); // the last line, which lacks its newline
  }

 private:
  bool read_more(const std::stop_token& stop) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    constexpr int slice_ms = 100;
    while (!stop.stop_requested() && poll(&input, 1, slice_ms) == 0) {
    }
    if (stop.stop_requested()) return false;
    std::array<char, 65536> chunk;
    const auto size = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (size < 0) throw std::system_error{errno, std::generic_category(), "cannot read standard input"};
    text_.append(chunk.data(), static_cast<std::size_t>(size));
    return size > 0;
  }

  std::string text_;
  std::size_t begin_ = 0; // of the next line
};
