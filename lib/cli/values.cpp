// SPDX-License-Identifier: BSL-1.0
#include "values.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <string_view>

namespace cli {

namespace {

template <class Check>
CLI::Validator validator(Check check) {
  return {[check = std::move(check)](std::string& text) { return check(text); }, ""};
}

/// The whole text as a number; nothing if it is none, or too large. Unlike CLI11's, 010 is ten.
std::optional<std::uint64_t> number_of(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string takes(std::string_view what, std::string_view text) {
  return fmt::format("takes {}, not '{}'", what, text);
}

/// Of 'K', 'KB' or 'KiB' and the like: K is 1024, M and G are powers of it. 0 for any other text.
std::uint64_t unit_of(std::string_view text) {
  std::string unit;
  for (const char letter : text)
    unit += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  if (unit == "" || unit == "b") return 1;
  constexpr std::string_view letters = "kmg";
  const std::size_t power = letters.find(unit.front());
  const std::string_view rest = std::string_view{unit}.substr(1);
  if (power == std::string_view::npos || (rest != "" && rest != "b" && rest != "ib")) return 0;
  return std::uint64_t{1024} << (10 * power);
}

} // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return validator([=](std::string& text) -> std::string {
    const auto value = number_of(text);
    if (value && *value >= least && *value <= most) {
      text = std::to_string(*value); // without the zeros that CLI11 would take for the mark of octal
      return {};
    }
    if (most < UINT64_MAX) return takes(fmt::format("a whole number from {} to {}", least, most), text);
    return takes(least == 0 ? "a whole number" : fmt::format("a whole number from {} on", least), text);
  });
}

CLI::Validator power_of_two() {
  return validator([](std::string& text) -> std::string {
    constexpr std::uint64_t most = std::uint64_t{1} << 32;
    const auto value = number_of(text);
    if (!value || *value > most) return takes("a power of two, such as 1024", text);
    text = std::to_string(*value);
    if (*value >= 2 && std::has_single_bit(*value)) return {};
    const std::uint64_t above = std::bit_ceil(std::max<std::uint64_t>(*value, 2));
    return fmt::format("takes a power of two, such as {}, not {}", above, *value);
  });
}

CLI::Validator byte_count(std::uint64_t most) {
  return validator([most](std::string& text) -> std::string {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto count = number_of(std::string_view{text}.substr(0, digits));
    const std::size_t begin = std::min(text.find_first_not_of(' ', digits), text.size());
    const std::uint64_t unit = unit_of(std::string_view{text}.substr(begin));
    if (!count || unit == 0) return takes("a number of bytes, such as 2000, 64K or 1M", text);
    if (*count > most / unit) return takes(fmt::format("at most {}G", most >> 30), text);
    text = std::to_string(*count * unit);
    return {};
  });
}

CLI::Validator duration() {
  return validator([](std::string& text) -> std::string {
    constexpr double most = 1e9;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
    const double seconds = unit == "" || unit == "s" ? 1
                           : unit == "ms"            ? 1e-3
                           : unit == "min"           ? 60
                           : unit == "h"             ? 3600
                                                     : 0;
    if (text.empty() || error != std::errc{} || seconds == 0 || !(value >= 0 && value * seconds <= most))
      return takes("a time in seconds, such as 10, 0.5s, 200ms, 5min or 2h", text);
    text = fmt::format("{:.9f}", value * seconds);
    return {};
  });
}

std::chrono::nanoseconds nanoseconds_of(double seconds) {
  return std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
}

CLI::Validator number(const char* what, double least, double most) {
  return validator([=](std::string& text) -> std::string {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size() && !text.empty();
    if (whole && value >= least && value <= most) return {};
    return takes(what, text);
  });
}

CLI::Validator permissions() {
  return validator([](std::string& text) -> std::string {
    constexpr int octal = 8;
    const auto mode = number_of(text, octal);
    if (!mode || *mode > 0777) return takes("permissions in octal, such as 644", text);
    if ((*mode & 0600U) != 0600U)
      return takes("permissions with which the owner reads and writes, such as 644", text);
    text = std::to_string(*mode);
    return {};
  });
}

CLI::Validator one_of(std::vector<std::string> words) {
  return validator([words = std::move(words)](std::string& text) -> std::string {
    if (std::ranges::find(words, text) != words.end()) return {};
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
      all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    }
    return takes(all, text);
  });
}

} // namespace cli
