// SPDX-License-Identifier: BSL-1.0
#include "records.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>

namespace mcap {

void Buffer::grow(std::size_t size) {
  if (size > std::numeric_limits<std::size_t>::max() / 2 - size_) throw std::bad_alloc{};
  const std::size_t capacity = std::max({size_ + size, capacity_ + capacity_ / 2, std::size_t{64}});
  auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (size_ > 0) std::memcpy(memory.get(), memory_.get(), size_);
  memory_ = std::move(memory);
  capacity_ = capacity;
}

void Buffer::resize_discarding(std::size_t size) {
  size_ = 0;
  if (size > capacity_) {
    memory_.reset(); // before the new memory is taken
    capacity_ = 0;
    memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
    capacity_ = size;
  }
  size_ = size;
}

void Buffer::append(std::string_view text) {
  if (text.size() > std::numeric_limits<std::uint32_t>::max())
    throw std::length_error{"a text of 4 GiB and more"};
  append(static_cast<std::uint32_t>(text.size()));
  append(std::as_bytes(std::span{text}));
}

void Buffer::append(const TextMap& map) {
  const std::size_t begin = size_;
  append(std::uint32_t{0});
  for (const auto& [key, value] : map) {
    append(std::string_view{key});
    append(std::string_view{value});
  }
  const std::size_t length = size_ - begin - 4;
  if (length > std::numeric_limits<std::uint32_t>::max()) throw std::length_error{"a map of 4 GiB and more"};
  store(memory_.get() + begin, static_cast<std::uint32_t>(length));
}

std::size_t Buffer::begin_record(Opcode opcode) {
  const std::size_t begin = size_;
  append(static_cast<std::uint8_t>(opcode));
  append(std::uint64_t{0});
  return begin;
}

void Buffer::end_record(std::size_t begin) noexcept {
  store(memory_.get() + begin + 1, std::uint64_t{size_ - begin - record_header_size});
}

namespace {

using ChannelNumbers = std::vector<std::pair<std::uint16_t, std::uint64_t>>;

void append_numbers(Buffer& to, const ChannelNumbers& numbers) {
  to.append(static_cast<std::uint32_t>(numbers.size() * 10));
  for (const auto& [channel, number] : numbers) {
    to.append(channel);
    to.append(number);
  }
}

ChannelNumbers read_numbers(RecordReader reader) {
  ChannelNumbers numbers;
  numbers.reserve(reader.rest().size() / 10);
  while (!reader.rest().empty()) {
    const auto channel = reader.integer<std::uint16_t>();
    numbers.emplace_back(channel, reader.integer<std::uint64_t>());
  }
  return numbers;
}

} // namespace

void append(Buffer& to, const Header& header) {
  const std::size_t begin = to.begin_record(Opcode::header);
  to.append(std::string_view{header.profile});
  to.append(std::string_view{header.library});
  to.end_record(begin);
}

void append(Buffer& to, const Schema& schema) {
  const std::size_t begin = to.begin_record(Opcode::schema);
  to.append(schema.id);
  to.append(std::string_view{schema.name});
  to.append(std::string_view{schema.encoding});
  to.append(std::string_view{schema.data});
  to.end_record(begin);
}

void append(Buffer& to, const Channel& channel) {
  const std::size_t begin = to.begin_record(Opcode::channel);
  to.append(channel.id);
  to.append(channel.schema_id);
  to.append(std::string_view{channel.topic});
  to.append(std::string_view{channel.message_encoding});
  to.append(channel.metadata);
  to.end_record(begin);
}

void append(Buffer& to, const Metadata& metadata) {
  const std::size_t begin = to.begin_record(Opcode::metadata);
  to.append(std::string_view{metadata.name});
  to.append(metadata.values);
  to.end_record(begin);
}

void append(Buffer& to, const ChunkIndex& index) {
  const std::size_t begin = to.begin_record(Opcode::chunk_index);
  to.append(index.start_time);
  to.append(index.end_time);
  to.append(index.offset);
  to.append(index.length);
  append_numbers(to, index.message_indexes);
  to.append(index.message_index_length);
  to.append(std::string_view{index.compression});
  to.append(index.compressed_size);
  to.append(index.uncompressed_size);
  to.end_record(begin);
}

void append(Buffer& to, const Statistics& statistics) {
  const std::size_t begin = to.begin_record(Opcode::statistics);
  to.append(statistics.messages);
  to.append(statistics.schemas);
  to.append(statistics.channels);
  to.append(statistics.attachments);
  to.append(statistics.metadata);
  to.append(statistics.chunks);
  to.append(statistics.start_time);
  to.append(statistics.end_time);
  append_numbers(to, statistics.channel_messages);
  to.end_record(begin);
}

void RecordReader::fail(std::string_view text) const {
  fail_at(file_, offset_, "the " + std::string{what_} + " " + std::string{text});
}

Bytes RecordReader::bytes(std::uint64_t size) {
  if (size > rest_.size()) {
    fail("needs " + std::to_string(size) + " bytes here and has " + std::to_string(rest_.size()));
  }
  const Bytes taken = rest_.first(static_cast<std::size_t>(size));
  rest_ = rest_.subspan(taken.size());
  offset_ += size;
  return taken;
}

std::string_view RecordReader::text() {
  const Bytes taken = bytes(integer<std::uint32_t>());
  return {static_cast<const char*>(static_cast<const void*>(taken.data())), taken.size()};
}

Bytes RecordReader::long_bytes() {
  return bytes(integer<std::uint64_t>());
}

RecordReader RecordReader::array() {
  const auto size = integer<std::uint32_t>();
  const std::uint64_t begin = offset_;
  return {file_, what_, begin, bytes(size)};
}

TextMap RecordReader::map() {
  RecordReader entries = array();
  TextMap map;
  while (!entries.rest().empty()) {
    std::string key{entries.text()};
    map.emplace_back(std::move(key), entries.text());
  }
  return map;
}

// A braced list is read from left to right.

Header read_header(RecordReader reader) {
  return {std::string{reader.text()}, std::string{reader.text()}};
}

Footer read_footer(RecordReader reader) {
  return {reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>(), reader.integer<std::uint32_t>()};
}

Schema read_schema(RecordReader reader) {
  return {reader.integer<std::uint16_t>(), std::string{reader.text()}, std::string{reader.text()},
          std::string{reader.text()}};
}

Channel read_channel(RecordReader reader) {
  return {reader.integer<std::uint16_t>(), reader.integer<std::uint16_t>(), std::string{reader.text()},
          std::string{reader.text()}, reader.map()};
}

Metadata read_metadata(RecordReader reader) {
  return {std::string{reader.text()}, reader.map()};
}

ChunkIndex read_chunk_index(RecordReader reader) {
  return {reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>(),
          reader.integer<std::uint64_t>(), read_numbers(reader.array()),    reader.integer<std::uint64_t>(),
          std::string{reader.text()},      reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>()};
}

Statistics read_statistics(RecordReader reader) {
  return {reader.integer<std::uint64_t>(), reader.integer<std::uint16_t>(), reader.integer<std::uint32_t>(),
          reader.integer<std::uint32_t>(), reader.integer<std::uint32_t>(), reader.integer<std::uint32_t>(),
          reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>(), read_numbers(reader.array())};
}

} // namespace mcap
