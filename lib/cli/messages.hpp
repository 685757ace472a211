// SPDX-License-Identifier: BSL-1.0
//
// messages: the output formats of a message: text, JSON, hex, or frames for pub --raw. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <seqcast/message.hpp>
#include <seqcast/schema.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace cli {

enum class Format { text, json, raw, hex };

/// The message in that format, with its final newline where the format has one. Text and JSON are by fields if
/// the schema describes the message.
std::string to_output(const seqcast::ReceivedBytes& message, const seqcast::Schema& schema, Format format,
                      bool terminal);

/// Adds "size", and the message by its fields, as text or in hex: "message", "text" or "hex".
void add_content(nlohmann::ordered_json& line, std::span<const std::byte> message,
                 const seqcast::Schema& schema);

/// The text with control characters except tab, and bytes that are no UTF-8, as \xNN: a message must not
/// control the terminal that shows it.
std::string printable(std::string_view text);

bool is_utf8(std::string_view text) noexcept;

/// "68656c6c6f"
std::string to_hex(std::span<const std::byte> bytes);

inline constexpr std::size_t bytes_per_line = 16;
/// At most that many bytes, as hexdump -C prints them: offset, bytes, ASCII.
std::string hex_line(std::size_t offset, std::span<const std::byte> line);
/// All bytes, in such lines.
std::string hex_dump(std::span<const std::byte> bytes);

} // namespace cli
