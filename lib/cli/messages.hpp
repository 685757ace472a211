// SPDX-License-Identifier: BSL-1.0
//
// messages: how a message is shown: as text, JSON, hex, or the bytes that pub --raw reads. Pure functions.
#pragma once

#include <cstddef>
#include <seqcast/message.hpp>
#include <span>
#include <string>
#include <string_view>

namespace cli {

enum class Format { text, json, raw, hex };

/// The message in that format, to be written as it is.
std::string to_output(const seqcast::ReceivedBytes& message, Format format, bool terminal);

/// The text with every control character but tab as \xNN, and so every byte if it is no UTF-8: a message shall
/// not steer the terminal that shows it.
std::string printable(std::string_view text);

bool is_utf8(std::string_view text) noexcept;

/// "68656c6c6f"
std::string to_hex(std::span<const std::byte> bytes);

inline constexpr std::size_t bytes_a_line = 16;
/// A line of that many at most, as hexdump -C prints it: offset, bytes, and what they are as ASCII.
std::string hex_line(std::size_t offset, std::span<const std::byte> line);
/// All of them, in lines.
std::string hex_dump(std::span<const std::byte> bytes);

} // namespace cli
