// SPDX-License-Identifier: BSL-1.0
//
// console: standard output and standard error of a verb. Data goes to `out`, everything else to `err`. Colours
// and progress are for terminals only; NO_COLOR and TERM=dumb turn colours off there too.
//
// Who may call it: the main thread.
//
// Invariants
//   1. Output is buffered; a verb flushes before it waits, and main() when the verb ends. A terminal is flushed
//      line by line.
//   2. If the reader of the output has closed it (head), the verb ends without a message: OutputClosed. Any
//      other failed write is a Failure, so that no truncated output counts as success.
//   3. Each text on `err` is a whole line.
#pragma once

#include "exit_code.hpp"
#include "platform/platform.hpp"
#include "stop.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace cli {

/// Thrown when the reader of standard output has closed it; main() then ends with Exit::ok.
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
  /// Whether a page can be redrawn in place.
  bool addressable() const noexcept {
    return addressable_;
  }
  /// The current columns and rows; 80 and 24 where it is no terminal.
  platform::Size size() const noexcept {
    return platform::terminal_size(stream_);
  }

  void print(std::string_view text);
  void flush();

  /// The text in that style if there are colours; otherwise the plain text.
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

  /// `program`: what its notes begin with.
  Console(std::string program, const Stop& stop) : program_{std::move(program)}, stop_{stop} {}

  const Stop& stop() const noexcept {
    return stop_;
  }

  /// The status of a verb after a requested stop: interrupted, or ok if the reader of its output has closed it.
  Exit stopped() const noexcept {
    return stop_.signal() != 0 ? Exit::interrupted : Exit::ok;
  }

  /// Prints "  LABEL      TEXT" on `out`.
  void field(std::string_view label, std::string_view text);

  /// No notes and no progress from here on: -q.
  void be_quiet() noexcept {
    quiet_ = true;
  }

  /// Prints "PROGRAM: TEXT" on `err`, for information.
  void note(std::string_view text);
  /// Prints "PROGRAM: TEXT" on `err`, for an error.
  void complain(std::string_view text);

  /// Whether it is time for a note about the progress: every ten seconds, on a terminal in whose foreground this
  /// program is. A note is a line of its own: a line that is written over again would destroy what other programs
  /// write there meanwhile.
  bool progress_due();

 private:
  void print_message(Style style, std::string_view text);

  std::string program_;
  const Stop& stop_;
  bool quiet_ = false;
  std::chrono::steady_clock::time_point next_progress_ =
      std::chrono::steady_clock::now() + first_progress_after;
  static constexpr std::chrono::seconds first_progress_after{2};
  static constexpr std::chrono::seconds progress_interval{10};
};

} // namespace cli
