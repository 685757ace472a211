// SPDX-License-Identifier: BSL-1.0
//
// units: numbers for people, rounded to a few characters. Scripts get the exact ones from --json.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace cli {

/// 950, 12.3k, 4.56M; below 10, "2.5".
std::string to_count(double count);
/// 512 B, 1.5 KiB, 64 MiB.
std::string to_bytes(std::uint64_t bytes);
/// 58.9 MB/s; 1 kB is 1000 bytes.
std::string to_byte_rate(double bytes_per_second);
/// 84 ns, 1.23 us, 5.6 s, 12 min, 3 h, 9 d.
std::string to_duration(std::chrono::nanoseconds duration);
/// "-" for nothing.
std::string to_duration(const std::optional<std::chrono::nanoseconds>& duration);
/// "5.6 s ago"; "0 ns ago" for a time in the future.
std::string to_age(std::chrono::nanoseconds age);
/// Nanoseconds of the steady clock since its epoch.
std::int64_t to_ns(std::chrono::steady_clock::time_point time);
/// The local time of day, as 14:03:59.
std::string time_of_day();

/// "1 message", "2 messages".
std::string plural(std::uint64_t count, const std::string& thing);

} // namespace cli
