// SPDX-License-Identifier: BSL-1.0
//
// The escape sequences are xterm's, which all current terminals support: ?1049 the alternate screen, ?25 the
// cursor, ?7 the wrapping of long lines.
#include "screen.hpp"

#include "exit_code.hpp"

#include <algorithm>
#include <array>
#include <thread>

namespace cli {

namespace {

constexpr std::string_view enter_page = "\033[?1049h\033[?25l\033[?7l";
constexpr std::string_view leave_page = "\033[?7h\033[?25h\033[?1049l";

void write_page(std::string_view text) {
  const std::error_code error = platform::write_all(platform::Standard::output, text);
  if (error) throw Failure{Exit::failure, "cannot write to the terminal: " + error.message()};
}

} // namespace

Screen::Screen() : size_{platform::terminal_size(platform::Standard::output)}, has_keys_{keyboard_.present()} {
  write_page(enter_page);
}

Screen::~Screen() {
  (void)platform::write_all(platform::Standard::output,
                            leave_page); // if the terminal is gone, there is nothing to restore
}

void Screen::draw(const std::vector<std::string>& lines) {
  size_ = platform::terminal_size(platform::Standard::output);
  const auto rows = std::min(lines.size(), static_cast<std::size_t>(size_.rows));
  std::string page = "\033[H";
  for (std::size_t i = 0; i < rows; ++i) {
    if (i > 0) page += "\r\n";
    page += "\033[K"; // before the line: after a full line it would erase the last character
    page += lines[i];
  }
  if (rows < static_cast<std::size_t>(size_.rows)) page += "\r\n\033[J";
  write_page(page);
}

Screen::Event Screen::wait_until(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  using namespace std::chrono;
  constexpr milliseconds slice{100};
  for (;;) {
    if (stop.stop_requested()) return Event::stopped;
    const auto current = platform::terminal_size(platform::Standard::output);
    if (current.columns != size_.columns || current.rows != size_.rows) return Event::resized;
    const auto remaining = ceil<milliseconds>(deadline - steady_clock::now());
    if (remaining <= milliseconds{0}) return Event::timeout;
    if (q_typed(static_cast<int>(std::min(remaining, slice).count()))) return Event::key_q;
  }
}

bool Screen::q_typed(int milliseconds) {
  if (!has_keys_) {
    std::this_thread::sleep_for(std::chrono::milliseconds{milliseconds});
    return false;
  }
  std::array<char, 64> keys;
  std::error_code error;
  const std::size_t count = platform::read_some(keys, milliseconds, error);
  if (count == 0 && error != std::errc::timed_out) has_keys_ = false;
  return std::any_of(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count),
                     [](char key) { return key == 'q' || key == 'Q'; });
}

} // namespace cli
