// SPDX-License-Identifier: BSL-1.0
#include "recording_format.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace seqcast::recording {

std::string topic_of(const Location& location) {
  const bool bare = location.kind() == Location::Kind::file && location.name().find('/') == std::string::npos;
  return (bare ? "./" : "") + location.name();
}

namespace format {

namespace {

/// Bytes of the UTF-8 character that the text begins with; 0 if it begins with none.
std::size_t character_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is above U+10FFFF.
  const unsigned char second = byte(1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  return size;
}

constexpr std::string_view digits = "0123456789abcdef";

/// A text of any bytes: under the key if it is UTF-8, and otherwise in hexadecimal under KEY_hex.
void add_text(mcap::TextMap& map, std::string key, std::string_view text) {
  if (is_utf8(text)) {
    map.emplace_back(std::move(key), text);
    return;
  }
  std::string hex;
  for (const char c : text) {
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 15];
  }
  map.emplace_back(key + "_hex", std::move(hex));
}

std::optional<std::string> any_text_of(const mcap::TextMap& map, const std::string& key) {
  if (auto text = text_of(map, key)) return text;
  const auto hex = text_of(map, key + "_hex");
  if (!hex || hex->size() % 2 != 0) return std::nullopt;
  std::string text;
  for (std::size_t i = 0; i < hex->size(); i += 2) {
    const std::size_t high = digits.find((*hex)[i]);
    const std::size_t low = digits.find((*hex)[i + 1]);
    if (high == digits.npos || low == digits.npos) return std::nullopt;
    text += static_cast<char>(high << 4 | low);
  }
  return text;
}

const char* word_of(bool value) noexcept {
  return value ? "true" : "false";
}

std::optional<bool> bool_of(const mcap::TextMap& map, std::string_view key) {
  const auto text = text_of(map, key);
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<Wakeup> wakeup_of(const mcap::TextMap& map) {
  const auto text = text_of(map, "wakeup");
  for (const Wakeup wakeup : {Wakeup::bell, Wakeup::every_message, Wakeup::polling}) {
    if (text == to_string(wakeup)) return wakeup;
  }
  return std::nullopt;
}

std::optional<Location> location_of(const mcap::TextMap& map) {
  auto name = any_text_of(map, "name");
  const auto kind = text_of(map, "location");
  if (!name || name->empty()) return std::nullopt;
  if (kind == "file") return Location{Location::Kind::file, std::move(*name)};
  if (kind == "shared_memory") return Location{Location::Kind::shared_memory, std::move(*name)};
  return std::nullopt;
}

constexpr std::size_t run_size = 4 * 8;

} // namespace

void append(mcap::Buffer& to, const Sequences& record) {
  const std::size_t begin = to.begin_record(sequences_opcode);
  to.append(record.channel);
  to.append(record.messages);
  to.append(record.previous);
  to.append(record.last);
  to.append(static_cast<std::uint32_t>(record.runs.size() * run_size));
  for (const Sequences::Run& run : record.runs) {
    to.append(run.position);
    to.append(run.sequence);
    to.append(run.epoch.number);
    to.append(run.epoch.first_sequence);
  }
  to.end_record(begin);
}

Sequences read_sequences(mcap::RecordReader reader) {
  Sequences record{reader.integer<std::uint16_t>(), reader.integer<std::uint64_t>(),
                   reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>()};
  mcap::RecordReader runs = reader.array();
  record.runs.reserve(runs.rest().size() / run_size);
  while (!runs.rest().empty()) {
    const auto position = runs.integer<std::uint64_t>();
    const auto sequence = runs.integer<std::uint64_t>();
    const auto number = runs.integer<std::uint64_t>();
    const Sequences::Run run{position, sequence, {number, runs.integer<std::uint64_t>()}};
    const bool first = record.runs.empty();
    if (first ? run.position != 0 || run.sequence <= record.previous
              : run.position <= record.runs.back().position || run.sequence <= record.runs.back().sequence)
      runs.fail("has runs that do not follow each other");
    record.runs.push_back(run);
  }
  if (record.runs.empty() || record.runs.back().position >= record.messages ||
      record.runs.back().sequence > record.last || record.last - record.previous < record.messages)
    reader.fail("contradicts itself");
  return record;
}

mcap::TextMap to_map(const RecordedChannel& channel) {
  mcap::TextMap map;
  map.emplace_back("location", channel.location.kind() == Location::Kind::file ? "file" : "shared_memory");
  add_text(map, "name", channel.location.name());
  map.emplace_back("before", std::to_string(channel.before));
  map.emplace_back("capacity", std::to_string(channel.capacity));
  map.emplace_back("max_message_size", std::to_string(channel.max_message_size));
  map.emplace_back("message_alignment", std::to_string(channel.message_alignment));
  map.emplace_back("wakeup", to_string(channel.wakeup));
  map.emplace_back("timestamps", word_of(channel.timestamps));
  map.emplace_back("copy_behind", word_of(channel.copy_behind));
  map.emplace_back("gaps", word_of(channel.gaps));
  add_text(map, "schema_name", channel.schema.name());
  add_text(map, "schema_format", channel.schema.format());
  return map;
}

std::optional<RecordedChannel> to_channel(const mcap::Channel& record, const mcap::Schema* schema) {
  const mcap::TextMap& map = record.metadata;
  const auto location = location_of(map);
  const auto before = number_of<std::uint64_t>(map, "before");
  const auto capacity = number_of<std::uint64_t>(map, "capacity");
  const auto size = number_of<std::uint32_t>(map, "max_message_size");
  const auto alignment = number_of<std::uint32_t>(map, "message_alignment");
  const auto wakeup = wakeup_of(map);
  const auto timestamps = bool_of(map, "timestamps");
  const auto copy_behind = bool_of(map, "copy_behind");
  const auto gaps = bool_of(map, "gaps");
  const auto name = any_text_of(map, "schema_name");
  const auto layout = any_text_of(map, "schema_format");
  const bool json = record.message_encoding == "json";
  if (!location || !before || !capacity || !size || !alignment || !wakeup || !timestamps || !copy_behind ||
      !gaps || !name || !layout || (!json && record.message_encoding != message_encoding))
    return std::nullopt;
  RecordedChannel channel;
  channel.id = record.id;
  channel.location = *location;
  channel.schema = seqcast::Schema::stored(*name, *layout);
  channel.capacity = *capacity;
  channel.max_message_size = *size;
  channel.message_alignment = *alignment;
  channel.wakeup = *wakeup;
  channel.timestamps = *timestamps;
  channel.copy_behind = *copy_behind;
  channel.gaps = *gaps;
  channel.encoding = json ? Encoding::json : Encoding::raw;
  if (json && schema != nullptr && schema->encoding == "jsonschema") channel.json_schema = schema->data;
  channel.before = *before;
  return channel;
}

mcap::Metadata to_metadata(std::uint16_t channel, const std::string& topic, const Account& account) {
  return {account_name,
          {{"channel", std::to_string(channel)},
           {"topic", topic},
           {"before", std::to_string(account.before)},
           {"recorded", std::to_string(account.recorded)},
           {"lost", std::to_string(account.lost)},
           {"head", std::to_string(account.head)}}};
}

std::optional<std::pair<std::uint16_t, Account>> to_account(const mcap::Metadata& metadata) {
  const auto number = [&](std::string_view key) { return number_of<std::uint64_t>(metadata.values, key); };
  const auto channel = number_of<std::uint16_t>(metadata.values, "channel");
  const auto before = number("before");
  const auto recorded = number("recorded");
  const auto lost = number("lost");
  const auto head = number("head");
  if (metadata.name != account_name || !channel || !before || !recorded || !lost || !head) return std::nullopt;
  return std::pair{*channel, Account{*before, *recorded, *lost, *head}};
}

std::optional<std::string> text_of(const mcap::TextMap& map, std::string_view key) {
  const auto found = std::ranges::find(map, key, &mcap::TextMap::value_type::first);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

template <class Integer>
std::optional<Integer> number_of(const mcap::TextMap& map, std::string_view key) {
  const auto text = text_of(map, key);
  Integer number{};
  if (!text) return std::nullopt;
  const char* const end = text->data() + text->size();
  const auto result = std::from_chars(text->data(), end, number);
  if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return number;
}

template std::optional<std::uint16_t> number_of(const mcap::TextMap&, std::string_view);
template std::optional<std::uint32_t> number_of(const mcap::TextMap&, std::string_view);
template std::optional<std::uint64_t> number_of(const mcap::TextMap&, std::string_view);
template std::optional<std::int64_t> number_of(const mcap::TextMap&, std::string_view);

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) {
      const auto byte = static_cast<unsigned char>(text.front());
      result += '\\';
      for (const int shift : {6, 3, 0}) result += static_cast<char>('0' + (byte >> shift & 7));
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(std::max(size, std::size_t{1}));
  }
  return result;
}

} // namespace format

} // namespace seqcast::recording
