// SPDX-License-Identifier: BSL-1.0
//
// input: standard input as messages: lines, or frames. Both end with the input, or soon after a stop.
//
// A frame is the size of a message in 4 bytes, the lowest first, and then the message. 'seqcast sub --raw'
// writes frames; in Python: struct.pack('<I', len(message)) + message.
//
// Invariants
//   1. Memory is bounded by the longest message that is allowed and one chunk of input, even if a line or
//      a frame is longer.
#pragma once

#include "exit_code.hpp"
#include "stop.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

/// Standard input as bytes that were read and not yet consumed.
class Input {
 public:
  /// `while_waiting` is called several times a second while no input arrives; what it throws ends read_more().
  Input(const Stop& stop, std::function<void()> while_waiting)
      : stop_{stop}, while_waiting_{std::move(while_waiting)} {}

  std::string_view available() const noexcept {
    return {buffer_.data() + begin_, end_ - begin_};
  }
  void consume(std::size_t size) noexcept {
    begin_ += size;
  }
  /// Waits for more input, and appends it to available(); false at the end, or when a stop is requested.
  /// Errors: throws Failure if the input cannot be read.
  bool read_more();

 private:
  const Stop& stop_;
  std::function<void()> while_waiting_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class Lines {
 public:
  Lines(const Stop& stop, std::uint64_t max_size, std::function<void()> while_waiting)
      : input_{stop, std::move(while_waiting)}, stop_{stop}, max_size_{max_size} {}

  struct Line {
    std::string_view text; ///< without its newline, valid until the next call; empty if it is too long
    std::uint64_t size = 0;
    bool too_long = false;
  };
  /// The next line. The last one may lack its newline.
  std::optional<Line> next();

 private:
  std::optional<Line> skip_line();

  Input input_;
  const Stop& stop_;
  std::uint64_t max_size_;
  std::size_t given_size_ = 0; // bytes of the line given last
};

class Frames {
 public:
  Frames(const Stop& stop, std::uint64_t max_size, std::function<void()> while_waiting)
      : input_{stop, std::move(while_waiting)}, stop_{stop}, max_size_{max_size} {}

  /// The message in the next frame, valid until the next call. Errors: throws Failure for a message that is too
  /// long, and for an input that ends in the middle of a frame.
  std::optional<std::string_view> next();

 private:
  bool read_at_least(std::size_t size);
  Failure truncated(const std::string& detail) const;
  Failure too_long(std::uint32_t size) const;

  Input input_;
  const Stop& stop_;
  std::uint64_t max_size_;
  std::size_t given_size_ = 0; // bytes of the frame given last
  std::uint64_t count_ = 0;
};

/// The four bytes before a message of that size.
std::string frame_header(std::uint32_t size);

} // namespace cli
