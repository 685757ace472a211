// SPDX-License-Identifier: BSL-1.0
//
// console: what a verb prints, and where. Data goes to `out`, everything else to `err`. Colours and progress
// are for terminals alone, and NO_COLOR or TERM=dumb turn colours off there too.
//
// Who may call it: the main thread.
//
// Invariants
//   1. What is printed is buffered; a verb flushes before it waits, and main() when the verb ends. A terminal
//   is
//      flushed line by line.
//   2. A reader that has gone away (head) ends the verb quietly: OutputClosed. Any other failure to write is a
//      Failure, never a truncated success.
//   3. Nothing printed on `err` lands behind a progress line.
#pragma once

#include "exit_code.hpp"
#include "platform/platform.hpp"
#include "stop.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace cli {

/// Thrown when nobody reads standard output any more; main() ends with Exit::ok.
struct OutputClosed {};

enum class Style { plain, bold, dim, red, green, yellow, blue };

class Stream {
 public:
  explicit Stream(platform::Standard stream);

  bool terminal() const noexcept {
    return terminal_;
  }
  /// Whether escape sequences may be written.
  bool coloured() const noexcept {
    return coloured_;
  }
  /// Whether a page can be drawn in place there.
  bool addressable() const noexcept {
    return addressable_;
  }
  /// Columns and rows, as they are now; 80 and 24 where it is no terminal.
  platform::Size size() const noexcept {
    return platform::terminal_size(stream_);
  }

  void print(std::string_view text);
  void flush();

  /// The text in that style, where there are colours; otherwise the text.
  std::string paint(Style style, std::string_view text) const;

 private:
  platform::Standard stream_;
  bool terminal_;
  bool addressable_;
  bool coloured_;
  std::string buffer_;
};

class Console {
 public:
  Stream out{platform::Standard::output};
  Stream err{platform::Standard::error};

  explicit Console(const Stop& stop) : stop_{stop} {}

  const Stop& stop() const noexcept {
    return stop_;
  }

  /// What a verb ends with that was told to stop: interrupted, or ok if the reader of its output has gone.
  Exit stopped() const noexcept {
    return stop_.signal() != 0 ? Exit::interrupted : Exit::ok;
  }

  /// "seqcast: TEXT" on stderr: something that the user may want to know.
  void note(std::string_view text);
  /// The same for what went wrong.
  void complain(std::string_view text);

  /// A line on a terminal's stderr, which the next one replaces; a few a second, however often this is called.
  /// Nothing where stderr is no terminal.
  void progress(std::string_view text);
  /// Whether progress() would show something now: for text that costs time to make.
  bool progress_due() const;
  /// Takes the line away.
  void end_progress();

 private:
  void say(Style style, std::string_view text);

  const Stop& stop_;
  bool line_shown_ = false;
  std::chrono::steady_clock::time_point next_line_ = std::chrono::steady_clock::now() + first_line_after;
  static constexpr std::chrono::milliseconds first_line_after{500};
  static constexpr std::chrono::milliseconds line_every{200};
};

} // namespace cli
