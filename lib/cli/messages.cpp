// SPDX-License-Identifier: BSL-1.0
#include "messages.hpp"

#include "fields.hpp"
#include "input.hpp"
#include "units.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace cli {

namespace {

/// Bytes of the UTF-8 sequence at the start of the text; 0 if there is none (RFC 3629, section 4).
std::size_t sequence_at(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second >= 0xA0;
  const bool beyond = first == 0xF4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : size;
}

/// A control character except tab: of C0, or of C1 as encoded in UTF-8.
bool is_control(std::string_view sequence) noexcept {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return (first < 0x20 && first != '\t') || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

std::string message_json(const seqcast::ReceivedBytes& message, const seqcast::Schema& schema) {
  nlohmann::ordered_json line{{"sequence", message.sequence}, {"lost", message.lost}};
  if (message.published_at) {
    line["published_at_ns"] = to_ns(*message.published_at);
    // Nothing if it is in the future, which only a hostile publisher stores.
    line["age_ns"] = message.age().value_or(std::chrono::nanoseconds{0}).count();
  }
  add_content(line, message.message, schema);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

} // namespace

void add_content(nlohmann::ordered_json& line, std::span<const std::byte> message,
                 const seqcast::Schema& schema) {
  const std::string_view text{static_cast<const char*>(static_cast<const void*>(message.data())),
                              message.size()};
  line["size"] = message.size();
  if (auto value = decode(schema, message))
    line["message"] = std::move(*value);
  else if (is_utf8(text))
    line["text"] = text;
  else
    line["hex"] = to_hex(message);
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = sequence_at(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t size = std::max<std::size_t>(sequence_at(text), 1);
    const std::string_view piece = text.substr(0, size);
    const bool hidden = sequence_at(text) == 0 || is_control(piece);
    for (const char byte : piece) {
      if (hidden)
        fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(byte));
      else
        shown += byte;
    }
    text.remove_prefix(size);
  }
  return shown;
}

std::string to_hex(std::span<const std::byte> bytes) {
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(hex), "{:02x}", std::to_integer<unsigned>(byte));
  }
  return hex;
}

std::string hex_line(std::size_t offset, std::span<const std::byte> line) {
  std::string hex;
  std::string ascii;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = std::to_integer<unsigned>(line[i]);
    fmt::format_to(std::back_inserter(hex), "{}{:02x}", i == bytes_per_line / 2 ? "  " : " ", byte);
    ascii += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
  }
  return fmt::format("{:08x} {:<50} |{}|\n", offset, hex, ascii);
}

std::string hex_dump(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t offset = 0; offset < bytes.size(); offset += bytes_per_line) {
    text += hex_line(offset, bytes.subspan(offset, std::min(bytes_per_line, bytes.size() - offset)));
  }
  return text;
}

std::string to_output(const seqcast::ReceivedBytes& message, const seqcast::Schema& schema, Format format,
                      bool terminal) {
  switch (format) {
    case Format::json:
      return message_json(message, schema);
    case Format::raw:
      return frame_header(static_cast<std::uint32_t>(message.message.size())).append(message.text());
    case Format::hex:
      return fmt::format("message {}, {} bytes\n{}", message.sequence, message.message.size(),
                         hex_dump(message.message));
    case Format::text:
      break;
  }
  const auto value = decode(schema, message.message);
  const std::string text = value ? to_fields(*value) : std::string{message.text()};
  return (terminal ? printable(text) : text) + '\n';
}

} // namespace cli
