// SPDX-License-Identifier: BSL-1.0
#include "units.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

namespace cli {

namespace {

/// At most three digits, without trailing zeros: 1.23, 12.3, 123, 5.
std::string three_digits(double value) {
  return fmt::format("{:.3g}", value >= 999.5 ? std::round(value) : value);
}

} // namespace

std::string to_count(double count) {
  if (count < 9.95) return fmt::format("{:.2g}", count);
  if (count < 9999.5) return fmt::format("{:.0f}", count);
  constexpr std::array units{"k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  for (count /= 1000; count >= 999.5 && unit + 1 < units.size(); ++unit) count /= 1000;
  return three_digits(count) + units[unit];
}

std::string to_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes) / 1024;
  for (; value >= 1023.5 && unit + 1 < units.size(); ++unit) value /= 1024;
  return fmt::format("{} {}", value < 999.5 ? three_digits(value) : fmt::format("{:.0f}", value), units[unit]);
}

std::string to_byte_rate(double bytes_per_second) {
  constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes_per_second >= 999.5 && unit + 1 < units.size(); ++unit) bytes_per_second /= 1000;
  return fmt::format("{} {}/s", three_digits(bytes_per_second), units[unit]);
}

std::string to_duration(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>{duration}.count();
  if (seconds < 999.5e-9) return fmt::format("{} ns", duration.count());
  if (seconds < 999.5e-6) return three_digits(seconds * 1e6) + " us";
  if (seconds < 999.5e-3) return three_digits(seconds * 1e3) + " ms";
  if (seconds < 99.95) return three_digits(seconds) + " s";
  if (seconds < 2 * 3600) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{:.0f} h", seconds / 3600);
  return fmt::format("{:.0f} d", seconds / 86400);
}

std::string to_duration(const std::optional<std::chrono::nanoseconds>& duration) {
  return duration ? to_duration(*duration) : "-";
}

std::string to_age(std::chrono::nanoseconds age) {
  return to_duration(std::max(age, std::chrono::nanoseconds{0})) + " ago";
}

std::int64_t to_ns(std::chrono::steady_clock::time_point time) {
  return std::chrono::nanoseconds{time.time_since_epoch()}.count();
}

std::string time_of_day() {
  return fmt::format("{:%H:%M:%S}", fmt::localtime(std::time(nullptr)));
}

std::string plural(std::uint64_t count, const std::string& thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

} // namespace cli
