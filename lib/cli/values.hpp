// SPDX-License-Identifier: BSL-1.0
//
// values: what the options of the command line accept. Each is a validator for CLI11 that says in one clause what the
// option takes, "takes a whole number, not 'x'", and leaves a value that the variable behind the option can be read
// from. usage_error() in main.cpp puts the option's name before it.
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace cli {

/// A decimal number without a sign, from `least` to `most`.
CLI::Validator whole_number(std::uint64_t least = 0, std::uint64_t most = UINT64_MAX);
/// A power of two, at least 2: slots.
CLI::Validator power_of_two();
/// A size: 2000, 64K, 1M or 1G; K is 1024. `most` is a power of two.
CLI::Validator byte_count(std::uint64_t most = std::uint64_t{1} << 31);
/// A time: 10, 0.5s, 200ms, 5min or 2h, at most 1e9 s. Leaves the number of seconds.
CLI::Validator duration();
/// The time, rounded up.
std::chrono::nanoseconds nanoseconds_of(double seconds);
/// A decimal fraction from `least` to `most`; `what` says that in words: "a number above 0".
CLI::Validator number(const char* what, double least, double most);
/// Permissions in octal, such as 644, with which the owner can read and write.
CLI::Validator permissions();
/// One of these words.
CLI::Validator one_of(std::vector<std::string> words);

} // namespace cli
