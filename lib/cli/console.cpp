// SPDX-License-Identifier: BSL-1.0
#include "console.hpp"

#include "messages.hpp"

#include <algorithm>
#include <cstdlib>

namespace cli {

namespace {

constexpr std::size_t output_buffer_size = 65536;

bool supports_escapes() {
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view{term} != "dumb";
}

bool colours_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color == nullptr || *no_color == '\0';
}

const char* escape_of(Style style) {
  switch (style) {
    case Style::plain:
      break;
    case Style::bold:
      return "\033[1m";
    case Style::dim:
      return "\033[2m";
    case Style::red:
      return "\033[31m";
    case Style::green:
      return "\033[32m";
    case Style::yellow:
      return "\033[33m";
    case Style::blue:
      return "\033[34m";
  }
  return "";
}

/// Replaces spaces by line ends, so that lines of several words are at most that wide.
std::string folded(std::string text, std::size_t columns) {
  std::size_t begin = 0;
  while (text.size() - begin > columns) {
    std::size_t space = text.rfind(' ', begin + columns);
    if (space == std::string::npos || space <= begin) space = text.find(' ', begin + columns);
    if (space == std::string::npos) break;
    text[space] = '\n';
    begin = space + 1;
  }
  return text;
}

} // namespace

Stream::Stream(platform::Standard stream)
    : stream_{stream},
      terminal_{platform::is_terminal(stream)},
      addressable_{terminal_ && supports_escapes()},
      coloured_{addressable_ && colours_wanted()} {}

void Stream::print(std::string_view text) {
  buffer_ += text;
  const bool line_ended = terminal_ && text.find('\n') != std::string_view::npos;
  if (line_ended || buffer_.size() >= output_buffer_size) flush();
}

void Stream::flush() {
  if (buffer_.empty()) return;
  const std::error_code error = platform::write_all(stream_, buffer_);
  buffer_.clear();
  // An error on standard error cannot be reported.
  if (!error || stream_ == platform::Standard::error) return;
  if (error == std::errc::broken_pipe) throw OutputClosed{};
  throw Failure{Exit::failure, "cannot write to standard output: " + error.message()};
}

std::string Stream::paint(Style style, std::string_view text) const {
  if (!coloured_ || style == Style::plain) return std::string{text};
  return escape_of(style) + std::string{text} + "\033[0m";
}

void Console::field(std::string_view label, std::string_view text) {
  constexpr std::size_t label_width = 9;
  const std::string padding(label_width - std::min(label.size(), label_width), ' ');
  out.print("  " + out.paint(Style::dim, std::string{label} + padding) + "  " + std::string{text} + '\n');
}

void Console::note(std::string_view text) {
  if (!quiet_) print_message(Style::dim, text);
}

void Console::complain(std::string_view text) {
  print_message(Style::red, text);
}

void Console::print_message(Style style, std::string_view text) {
  out.flush(); // keeps the order on a terminal
  std::string line = program_ + ": " + std::string{text};
  // Names and a channel's own texts may contain control characters.
  if (err.terminal()) line = folded(printable(line), static_cast<std::size_t>(err.size().columns));
  err.print(err.paint(style, line) + '\n');
  err.flush();
}

bool Console::progress_due() {
  const auto now = std::chrono::steady_clock::now();
  if (quiet_ || !err.terminal() || now < next_progress_) return false;
  next_progress_ = now + progress_interval;
  return platform::in_foreground(platform::Standard::error);
}

} // namespace cli
