// SPDX-License-Identifier: BSL-1.0
#include "writer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

namespace mcap {

namespace {

std::uint16_t next_id(std::size_t count, const char* what) {
  if (count >= std::numeric_limits<std::uint16_t>::max())
    throw std::length_error{std::string{"a recording has at most 65535 "} + what};
  return static_cast<std::uint16_t>(count + 1);
}

} // namespace

Writer::Writer(std::unique_ptr<Sink> sink, const Header& header) : sink_{std::move(sink)} {
  buffer_.append(std::as_bytes(std::span{magic}));
  append(buffer_, header);
  write_buffer();
}

std::uint16_t Writer::add_schema(std::string name, std::string encoding, std::string data) {
  Schema schema{0, std::move(name), std::move(encoding), std::move(data)};
  for (const Schema& other : schemas_) {
    schema.id = other.id;
    if (schema == other) return other.id;
  }
  schema.id = next_id(schemas_.size(), "schemas");
  buffer_.clear(); // of what an earlier call left that threw
  append(buffer_, schema);
  schemas_.reserve(schemas_.size() + 1);
  schema_records_.reserve(buffer_.size());
  const Bytes record = write_buffer();
  schema_records_.append(record);
  schemas_.push_back(std::move(schema));
  ++statistics_.schemas;
  return statistics_.schemas;
}

std::uint16_t Writer::add_channel(std::uint16_t schema_id, std::string topic, std::string message_encoding,
                                  TextMap metadata) {
  const std::uint16_t id = next_id(statistics_.channels, "channels");
  buffer_.clear();
  append(buffer_, Channel{id, schema_id, std::move(topic), std::move(message_encoding), std::move(metadata)});
  statistics_.channel_messages.reserve(statistics_.channels + std::size_t{1});
  channel_records_.reserve(buffer_.size());
  const Bytes record = write_buffer();
  channel_records_.append(record);
  statistics_.channel_messages.emplace_back(id, 0);
  ++statistics_.channels;
  return id;
}

void Writer::add_metadata(const Metadata& metadata) {
  const std::uint64_t offset = size_;
  buffer_.clear();
  append(buffer_, metadata);
  Buffer index;
  const std::size_t begin = index.begin_record(Opcode::metadata_index);
  index.append(offset);
  index.append(std::uint64_t{buffer_.size()});
  index.append(std::string_view{metadata.name});
  index.end_record(begin);
  metadata_indexes_.reserve(index.size());
  write_buffer();
  metadata_indexes_.append(index.bytes());
  ++statistics_.metadata;
}

void Writer::write(const Chunk& chunk, Compression compression, int level, Bytes before) {
  const Bytes records = chunk.records();
  const std::uint32_t records_crc = crc32(0, records);
  const Bytes stored = compression == Compression::zstd ? compressor_.compress(records, level) : records;
  const std::string_view word = to_string(compression);

  buffer_.clear();
  buffer_.append(before);
  const std::size_t begin = buffer_.begin_record(Opcode::chunk);
  buffer_.append(chunk.start_time());
  buffer_.append(chunk.end_time());
  buffer_.append(std::uint64_t{records.size()});
  buffer_.append(records_crc);
  buffer_.append(word);
  buffer_.append(std::uint64_t{stored.size()});
  store(buffer_.writable().data() + begin + 1,
        std::uint64_t{buffer_.size() - begin - record_header_size + stored.size()});

  ChunkIndex index{chunk.start_time(), chunk.end_time(), size_ + before.size(),
                   buffer_.size() - begin + stored.size()};
  index.compression = word;
  index.compressed_size = stored.size();
  index.uncompressed_size = records.size();

  // One head for each message index. They are complete before the list of parts refers to them.
  constexpr std::size_t head_size = record_header_size + 2 + 4;
  index_heads_.clear();
  for (const Chunk::Index& entries : chunk.indexes()) {
    const std::uint64_t size = entries.entries.size();
    if (size > std::numeric_limits<std::uint32_t>::max())
      throw std::length_error{"a chunk has at most 2^28 messages of one channel"};
    index.message_indexes.emplace_back(entries.channel,
                                       index.offset + index.length + index.message_index_length);
    index_heads_.append(static_cast<std::uint8_t>(Opcode::message_index));
    index_heads_.append(2 + 4 + size);
    index_heads_.append(entries.channel);
    index_heads_.append(static_cast<std::uint32_t>(size));
    index.message_index_length += head_size + size;
  }
  parts_.clear();
  parts_.push_back(buffer_.bytes());
  parts_.push_back(stored);
  std::uint32_t crc = crc32(crc_, buffer_.bytes());
  crc = compression == Compression::none ? crc32_combine(crc, records_crc, records.size()) : crc32(crc, stored);
  for (std::size_t i = 0; i < chunk.indexes().size(); ++i) {
    parts_.push_back(index_heads_.bytes().subspan(i * head_size, head_size));
    parts_.push_back(chunk.indexes()[i].entries.bytes());
    crc = crc32(crc32(crc, parts_[parts_.size() - 2]), parts_.back());
  }

  Buffer record;
  append(record, index);
  chunk_indexes_.reserve(record.size());
  write(parts_, crc);
  chunk_indexes_.append(record.bytes());
  const bool first = statistics_.messages == 0;
  if (!chunk.empty()) {
    statistics_.start_time = first ? chunk.start_time() : std::min(statistics_.start_time, chunk.start_time());
    statistics_.end_time = std::max(statistics_.end_time, chunk.end_time());
  }
  statistics_.messages += chunk.messages();
  ++statistics_.chunks;
  for (const Chunk::Index& entries : chunk.indexes())
    statistics_.channel_messages.at(entries.channel - std::size_t{1}).second += entries.messages;
}

void Writer::finish() {
  buffer_.clear();
  std::size_t begin = buffer_.begin_record(Opcode::data_end);
  buffer_.append(crc_);
  buffer_.end_record(begin);
  const std::size_t data_end_size = buffer_.size();
  const std::uint64_t summary_start = size_ + data_end_size;

  Buffer statistics;
  append(statistics, statistics_);
  Buffer offsets;
  const auto add_group = [&](Opcode opcode, Bytes records) {
    if (records.empty()) return;
    const std::size_t offset_begin = offsets.begin_record(Opcode::summary_offset);
    offsets.append(static_cast<std::uint8_t>(opcode));
    offsets.append(size_ + buffer_.size());
    offsets.append(std::uint64_t{records.size()});
    offsets.end_record(offset_begin);
    buffer_.append(records);
  };
  add_group(Opcode::schema, schema_records_.bytes());
  add_group(Opcode::channel, channel_records_.bytes());
  add_group(Opcode::statistics, statistics.bytes());
  add_group(Opcode::chunk_index, chunk_indexes_.bytes());
  add_group(Opcode::metadata_index, metadata_indexes_.bytes());
  const std::uint64_t offsets_start = size_ + buffer_.size();
  buffer_.append(offsets.bytes());

  begin = buffer_.begin_record(Opcode::footer);
  buffer_.append(summary_start);
  buffer_.append(offsets_start);
  store(buffer_.writable().data() + begin + 1, std::uint64_t{8 + 8 + 4});
  buffer_.append(crc32(0, buffer_.bytes().subspan(data_end_size)));
  buffer_.append(std::as_bytes(std::span{magic}));
  write_buffer();
}

void Writer::recover() {
  if (failure_ && !cut_back_) throw *failure_;
  failure_.reset();
}

void Writer::write(std::span<const Bytes> parts, std::uint32_t crc) {
  if (failure_) throw *failure_;
  try {
    sink_->write(parts);
  } catch (const Failure& failure) {
    failure_ = failure;
    cut_back_ = sink_->truncate(size_);
    throw;
  }
  crc_ = crc;
  for (const Bytes part : parts) size_ += part.size();
}

Bytes Writer::write_buffer() {
  // Cleared here, for the case that this throws; the bytes stay where they are.
  const Bytes bytes = buffer_.bytes();
  buffer_.clear();
  write({&bytes, 1}, crc32(crc_, bytes));
  return bytes;
}

} // namespace mcap
