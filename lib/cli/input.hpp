// SPDX-License-Identifier: BSL-1.0
//
// input: standard input, cut into messages: lines, or frames. Both end when the input does, or soon after a
// stop is requested.
//
// A frame is the size of a message, 4 bytes, the lowest first, then the message. 'seqcast sub --raw' writes
// them; in Python: struct.pack('<I', len(message)) + message.
//
// Invariants
//   1. No more is kept than the longest message that is allowed, and what was read with it, however long a line
//      or a frame claims to be.
#pragma once

#include "exit_code.hpp"
#include "stop.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

/// Standard input as bytes: what has been read and not yet been taken.
class Input {
 public:
  explicit Input(const Stop& stop) : stop_{stop} {}

  std::string_view there() const noexcept {
    return {buffer_.data() + begin_, end_ - begin_};
  }
  void take(std::size_t size) noexcept {
    begin_ += size;
  }
  /// Waits for more, which makes there() longer; false at the end, or when a stop is requested.
  /// Errors: throws Failure if the input cannot be read.
  bool more();

 private:
  const Stop& stop_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class Lines {
 public:
  Lines(const Stop& stop, std::uint64_t longest) : input_{stop}, stop_{stop}, longest_{longest} {}

  struct Line {
    std::string_view text; ///< without its newline; until the next call; empty if it is too long
    std::uint64_t size = 0;
    bool too_long = false;
  };
  /// The next line. The last one may lack its newline.
  std::optional<Line> next();

 private:
  std::optional<Line> pass_over();

  Input input_;
  const Stop& stop_;
  std::uint64_t longest_;
  std::size_t taken_ = 0; // of what is there: the line given last
};

class Frames {
 public:
  Frames(const Stop& stop, std::uint64_t longest) : input_{stop}, stop_{stop}, longest_{longest} {}

  /// The message in the next frame, until the next call.
  /// Errors: throws Failure for a message that is too long, and for an input that ends in the middle of a
  /// frame.
  std::optional<std::string_view> next();

 private:
  bool await(std::size_t size);
  Failure cut_off(const std::string& found) const;
  Failure too_long(std::uint32_t size) const;

  Input input_;
  const Stop& stop_;
  std::uint64_t longest_;
  std::size_t taken_ = 0;
  std::uint64_t number_ = 0;
};

/// The four bytes before a message of that size.
std::string frame_header(std::uint32_t size);

} // namespace cli
