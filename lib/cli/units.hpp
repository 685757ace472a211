// SPDX-License-Identifier: BSL-1.0
//
// units: numbers as people read them, in few characters. Scripts get the exact ones from --json.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cli {

/// 950, 12.3k, 4.56M; below 10, "2.5".
std::string to_count(double count);
/// 512 B, 1.5 KiB, 64 MiB.
std::string to_bytes(std::uint64_t bytes);
/// 58.9 MB/s; of 1000 bytes each kB.
std::string to_byte_rate(double bytes_per_second);
/// 84 ns, 1.23 us, 5.6 s, 12 min, 3 h, 9 d.
std::string to_duration(std::chrono::nanoseconds duration);
/// The time of day here, as 14:03:59.
std::string time_of_day();

/// "1 message", "2 messages".
std::string plural(std::uint64_t count, const std::string& thing);

} // namespace cli
