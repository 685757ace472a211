// SPDX-License-Identifier: BSL-1.0
//
// records: the records of MCAP as structures, their bytes, and buffers of bytes. The format is that of
// https://mcap.dev/spec; the names here are the names there.
//
// Invariants
//   1. A record is read within its bytes. Fields behind the known ones are skipped, as the specification asks.
//   2. Nothing is allocated by a number in the file alone: a string or an array is there before it is copied.
#pragma once

#include "codec.hpp"
#include "file.hpp"

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcap {

inline constexpr std::array<unsigned char, 8> magic{0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};

enum class Opcode : std::uint8_t {
  header = 0x01,
  footer = 0x02,
  schema = 0x03,
  channel = 0x04,
  message = 0x05,
  chunk = 0x06,
  message_index = 0x07,
  chunk_index = 0x08,
  attachment = 0x09,
  attachment_index = 0x0A,
  statistics = 0x0B,
  metadata = 0x0C,
  metadata_index = 0x0D,
  summary_offset = 0x0E,
  data_end = 0x0F,
  first_private = 0x80, ///< From here on applications have records of their own.
};

/// Before the content of each record: one byte of opcode, and eight of the content's length.
inline constexpr std::size_t record_header_size = 9;
/// Before the data of a message: record header, channel, sequence, and two times.
inline constexpr std::size_t message_header_size = record_header_size + 2 + 4 + 8 + 8;

using TextMap = std::vector<std::pair<std::string, std::string>>;

struct Header {
  std::string profile;
  std::string library;
};

struct Schema {
  std::uint16_t id = 0; ///< Never 0.
  std::string name;
  std::string encoding;
  std::string data;

  friend bool operator==(const Schema&, const Schema&) = default;
};

struct Channel {
  std::uint16_t id = 0;
  std::uint16_t schema_id = 0; ///< 0 for none.
  std::string topic;
  std::string message_encoding;
  TextMap metadata;

  friend bool operator==(const Channel&, const Channel&) = default;
};

struct Metadata {
  std::string name;
  TextMap values;
};

/// A message in a chunk; times in ns since 1970.
struct Message {
  std::uint16_t channel = 0;
  std::uint32_t sequence = 0;
  std::uint64_t log_time = 0;
  std::uint64_t publish_time = 0;
  Bytes data;
};

/// Where a chunk is, and what it holds. Offsets and lengths are bytes of the file.
struct ChunkIndex {
  std::uint64_t start_time = 0; ///< Earliest log time in ns.
  std::uint64_t end_time = 0;   ///< Latest log time in ns.
  std::uint64_t offset = 0;     ///< Of the chunk record.
  std::uint64_t length = 0;     ///< Of the whole record.
  std::vector<std::pair<std::uint16_t, std::uint64_t>>
      message_indexes{}; ///< Channel, and offset of its record.
  std::uint64_t message_index_length = 0;
  std::string compression{};
  std::uint64_t compressed_size = 0;
  std::uint64_t uncompressed_size = 0;

  friend bool operator==(const ChunkIndex&, const ChunkIndex&) = default;
};

struct Statistics {
  std::uint64_t messages = 0;
  std::uint16_t schemas = 0;
  std::uint32_t channels = 0;
  std::uint32_t attachments = 0;
  std::uint32_t metadata = 0;
  std::uint32_t chunks = 0;
  std::uint64_t start_time = 0;
  std::uint64_t end_time = 0;
  std::vector<std::pair<std::uint16_t, std::uint64_t>> channel_messages{}; ///< Channel, and its messages.
};

struct Footer {
  std::uint64_t summary_start = 0;        ///< 0 without a summary.
  std::uint64_t summary_offset_start = 0; ///< 0 without summary offsets.
  std::uint32_t summary_crc = 0;          ///< 0 if it was not computed.
};

/// Bytes that grow, without being set to zero first. clear() keeps the memory.
class Buffer {
 public:
  std::size_t size() const noexcept {
    return size_;
  }
  Bytes bytes() const noexcept {
    return {memory_.get(), size_};
  }
  std::span<std::byte> writable() noexcept {
    return {memory_.get(), size_};
  }
  void clear() noexcept {
    size_ = 0;
  }
  /// Takes memory for `size` more bytes. Errors: throws std::bad_alloc.
  void reserve(std::size_t size) {
    if (size > capacity_ - size_) [[unlikely]]
      grow(size);
  }
  /// The memory that it has beside its bytes.
  std::span<std::byte> room() noexcept {
    return {memory_.get() + size_, capacity_ - size_};
  }
  /// Room for `size` more bytes, which are then part of it. Errors: throws std::bad_alloc.
  std::byte* extend(std::size_t size) {
    reserve(size);
    std::byte* const room = memory_.get() + size_;
    size_ += size;
    return room;
  }
  /// Makes it `size` bytes long. What is new is not initialised, and what was there may be lost.
  void resize_discarding(std::size_t size);

  /// Integers, least significant byte first.
  template <std::integral Integer>
  void append(Integer value);
  void append(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  /// Its length in four bytes, and its bytes. Errors: throws std::length_error for 4 GiB and more.
  void append(std::string_view text);
  void append(const TextMap& map);

  /// Begins a record: gives where, for end_record().
  std::size_t begin_record(Opcode opcode);
  void end_record(std::size_t begin) noexcept;

 private:
  void grow(std::size_t size);

  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Stores an integer, least significant byte first, and gives the place behind it.
template <class Integer>
inline std::byte* store(std::byte* to, Integer value) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &value, sizeof value);
  } else {
    for (std::size_t i = 0; i < sizeof value; ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
  }
  return to + sizeof value;
}

template <std::integral Integer>
inline void Buffer::append(Integer value) {
  store(extend(sizeof value), value);
}

// Each appends a whole record.
void append(Buffer& to, const Header& header);
void append(Buffer& to, const Schema& schema);
void append(Buffer& to, const Channel& channel);
void append(Buffer& to, const Metadata& metadata);
void append(Buffer& to, const ChunkIndex& index);
void append(Buffer& to, const Statistics& statistics);

/// Reads the content of one record, front to back. What runs out throws Failure with the byte offset.
class RecordReader {
 public:
  /// The file's name, what the record is called in errors, the file's offset of the content, and the content.
  RecordReader(std::string_view file, std::string_view what, std::uint64_t offset, Bytes content) noexcept
      : file_{file}, what_{what}, offset_{offset}, rest_{content} {}

  template <class Integer>
  Integer integer();
  std::string_view text();
  /// What a length of eight bytes announces, as of a chunk.
  Bytes long_bytes();
  Bytes bytes(std::uint64_t size);
  TextMap map();
  /// A part of its own, behind its length of four bytes.
  RecordReader array();
  Bytes rest() const noexcept {
    return rest_;
  }
  /// Bytes of the file before what comes next.
  std::uint64_t offset() const noexcept {
    return offset_;
  }
  /// Throws Failure: "FILE at byte OFFSET: the WHAT TEXT".
  [[noreturn]] void fail(std::string_view text) const;

 private:
  std::string_view file_;
  std::string_view what_;
  std::uint64_t offset_;
  Bytes rest_;
};

template <class Integer>
Integer RecordReader::integer() {
  const Bytes from = bytes(sizeof(Integer));
  Integer value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, from.data(), sizeof value);
  } else {
    for (std::size_t i = 0; i < sizeof value; ++i)
      value = static_cast<Integer>(value | static_cast<Integer>(static_cast<Integer>(from[i]) << (8 * i)));
  }
  return value;
}

Header read_header(RecordReader reader);
Footer read_footer(RecordReader reader);
Schema read_schema(RecordReader reader);
Channel read_channel(RecordReader reader);
Metadata read_metadata(RecordReader reader);
ChunkIndex read_chunk_index(RecordReader reader);
Statistics read_statistics(RecordReader reader);

} // namespace mcap
