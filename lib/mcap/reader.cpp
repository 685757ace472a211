// SPDX-License-Identifier: BSL-1.0
#include "reader.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace mcap {

namespace {

constexpr std::uint64_t footer_size = record_header_size + 8 + 8 + 4;

/// Before the records of a chunk: times, size, CRC, the name of the compression, and the length.
struct ChunkHead {
  std::uint64_t start_time;
  std::uint64_t end_time;
  std::uint64_t uncompressed_size;
  std::uint32_t crc;
  std::string compression;
  std::uint64_t size;
};

ChunkHead read_chunk_head(RecordReader& reader) {
  // A braced list is read from left to right.
  return {reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>(), reader.integer<std::uint64_t>(),
          reader.integer<std::uint32_t>(), std::string{reader.text()},      reader.integer<std::uint64_t>()};
}

/// What a metadata index says.
struct MetadataPlace {
  std::uint64_t offset;
  std::uint64_t length;
  std::string name;
};

const char* name_of(Opcode opcode) noexcept {
  switch (opcode) {
    case Opcode::header:
      return "header";
    case Opcode::footer:
      return "footer";
    case Opcode::schema:
      return "schema";
    case Opcode::channel:
      return "channel";
    case Opcode::message:
      return "message";
    case Opcode::chunk:
      return "chunk";
    case Opcode::message_index:
      return "message index";
    case Opcode::chunk_index:
      return "chunk index";
    case Opcode::statistics:
      return "statistics record";
    case Opcode::metadata:
      return "metadata record";
    case Opcode::metadata_index:
      return "metadata index";
    case Opcode::summary_offset:
      return "summary offset";
    case Opcode::data_end:
      return "end of the data section";
    default:
      return "record";
  }
}

/// Two records of one id have to be equal.
template <class Record>
void add_record(std::map<std::uint16_t, Record>& records, Record record, const RecordReader& reader) {
  const auto [place, is_new] = records.try_emplace(record.id, record);
  if (!is_new && place->second != record) reader.fail("differs from the one before of the same id");
}

bool has_magic(std::span<const std::byte> bytes) noexcept {
  return std::ranges::equal(bytes, std::as_bytes(std::span{magic}));
}

} // namespace

Reader::Reader(std::shared_ptr<const Source> source, const Limits& limits, Way way)
    : source_{std::move(source)}, limits_{limits} {
  const std::string& file = source_->name();
  std::array<std::byte, magic.size()> begin{};
  if (source_->size() >= begin.size()) source_->read(0, begin);
  if (!has_magic(begin)) fail_at(file, 0, "this is not an MCAP file");
  const auto place = record_at(begin.size(), source_->size());
  if (!place || place->opcode != Opcode::header) fail_at(file, begin.size(), "the header is missing");
  Buffer buffer;
  header_ = read_header(content(*place, buffer));
  data_start_ = place->end();
  if (way == Way::by_summary && read_end()) return;
  scan();
}

std::optional<RecordPlace> Reader::record_at(std::uint64_t offset, std::uint64_t end) const {
  if (offset > end || end - offset < record_header_size) return std::nullopt;
  std::array<std::byte, record_header_size> head{};
  source_->read(offset, head);
  RecordReader reader{source_->name(), "record", offset, head};
  const RecordPlace place{Opcode{reader.integer<std::uint8_t>()}, offset, reader.integer<std::uint64_t>()};
  if (place.opcode == Opcode{} || place.length > end - place.content()) return std::nullopt;
  return place;
}

RecordReader Reader::content(const RecordPlace& place, Buffer& buffer) const {
  const char* const name = name_of(place.opcode);
  if (place.length > limits_.record) {
    fail_at(source_->name(), place.offset,
            "the " + std::string{name} + " has " + std::to_string(place.length) + " bytes, and at most " +
                std::to_string(limits_.record) + " are read");
  }
  buffer.resize_discarding(static_cast<std::size_t>(place.length));
  source_->read(place.content(), buffer.writable());
  return {source_->name(), name, place.content(), buffer.bytes()};
}

bool Reader::read_end() {
  const std::uint64_t size = source_->size();
  const std::uint64_t tail = footer_size + magic.size();
  readable_size_ = size;
  if (size - data_start_ < tail) return false;
  std::array<std::byte, footer_size + magic.size()> bytes{};
  source_->read(size - tail, bytes);
  if (!has_magic(std::span{bytes}.last(magic.size()))) return false;
  RecordReader reader{source_->name(), "footer", size - tail, std::span{bytes}.first(footer_size)};
  try {
    if (Opcode{reader.integer<std::uint8_t>()} != Opcode::footer ||
        reader.integer<std::uint64_t>() != footer_size - record_header_size)
      reader.fail("is not where it has to be");
    const Footer footer = read_footer(reader);
    if (footer.summary_start == 0) return false;
    read_summary(footer, size - tail, std::span{bytes}.first(footer_size - 4));
    return true;
  } catch (const Failure& failure) {
    *this = Reader{std::move(source_), limits_, std::move(header_), data_start_};
    problem_ = failure.what();
    return false;
  }
}

Reader::Reader(std::shared_ptr<const Source> source, const Limits& limits, Header header,
               std::uint64_t data_start) noexcept
    : source_{std::move(source)}, limits_{limits}, header_{std::move(header)}, data_start_{data_start} {}

void Reader::read_summary(const Footer& footer, std::uint64_t footer_offset, Bytes footer_bytes) {
  const std::string& file = source_->name();
  const std::uint64_t start = footer.summary_start;
  if (start < data_start_ || start > footer_offset) {
    fail_at(file, footer_offset, "the footer says that the summary begins at byte " + std::to_string(start));
  }
  const std::uint64_t size = footer_offset - start;
  if (size > limits_.summary) {
    fail_at(file, start,
            "the summary has " + std::to_string(size) + " bytes, and at most " +
                std::to_string(limits_.summary) + " are read");
  }
  Buffer summary;
  summary.resize_discarding(static_cast<std::size_t>(size));
  source_->read(start, summary.writable());
  const std::uint32_t crc = crc32(crc32(0, summary.bytes()), footer_bytes);
  if (footer.summary_crc != 0 && footer.summary_crc != crc) {
    fail_at(file, start,
            "the summary's CRC is " + std::to_string(footer.summary_crc) + ", and its bytes give " +
                std::to_string(crc));
  }

  std::vector<MetadataPlace> metadata_places;
  std::map<Opcode, std::pair<std::uint64_t, std::uint64_t>> groups; // start, length
  RecordReader records{file, "summary", start, summary.bytes()};
  while (!records.rest().empty()) {
    const std::uint64_t offset = records.offset();
    const Opcode opcode{records.integer<std::uint8_t>()};
    const auto length = records.integer<std::uint64_t>();
    RecordReader reader{file, name_of(opcode), records.offset(), records.bytes(length)};
    auto& group = groups.try_emplace(opcode, offset, 0).first->second;
    if (group.first + group.second != offset && opcode < Opcode::first_private)
      reader.fail("is not beside the others of its kind");
    group.second += record_header_size + length;
    switch (opcode) {
      case Opcode::schema: {
        Schema schema = read_schema(reader);
        if (schema.id != 0) add_record(schemas_, std::move(schema), reader);
        break;
      }
      case Opcode::channel:
        add_record(channels_, read_channel(reader), reader);
        break;
      case Opcode::chunk_index: {
        chunks_.push_back(read_chunk_index(reader));
        const ChunkIndex& chunk = chunks_.back();
        if (chunk.offset < data_start_ || chunk.offset > start || chunk.length > start - chunk.offset ||
            chunk.message_index_length > start - chunk.offset - chunk.length)
          reader.fail("leads out of the data section");
        break;
      }
      case Opcode::statistics:
        statistics_ = read_statistics(reader);
        break;
      case Opcode::metadata_index: {
        const auto at = reader.integer<std::uint64_t>();
        const auto bytes = reader.integer<std::uint64_t>();
        if (at < data_start_ || at > start || bytes > start - at) reader.fail("leads out of the data section");
        metadata_places.push_back({at, bytes, std::string{reader.text()}});
        break;
      }
      case Opcode::summary_offset: {
        const Opcode kind{reader.integer<std::uint8_t>()};
        const auto at = reader.integer<std::uint64_t>();
        const auto bytes = reader.integer<std::uint64_t>();
        const auto found = groups.find(kind);
        if (found == groups.end() || found->second != std::pair{at, bytes})
          reader.fail("leads to no group of records");
        break;
      }
      default:
        break;
    }
  }
  std::ranges::sort(chunks_, {}, &ChunkIndex::offset);
  for (std::size_t i = 1; i < chunks_.size(); ++i) {
    const ChunkIndex& one = chunks_[i - 1];
    if (one.offset + one.length + one.message_index_length > chunks_[i].offset)
      fail_at(file, start, "the summary has chunks that overlap");
  }
  // Each byte of the file at most once, so that what is kept of them is bounded.
  std::ranges::sort(metadata_places, {}, &MetadataPlace::offset);
  std::uint64_t end = 0;
  Buffer buffer;
  for (const auto& [offset, length, name] : metadata_places) {
    const auto place = record_at(offset, start);
    if (!place || place->opcode != Opcode::metadata || place->end() - offset != length || offset < end)
      fail_at(file, offset, "there is not the metadata record that the summary has");
    metadata_.push_back(read_metadata(content(*place, buffer)));
    if (metadata_.back().name != name)
      fail_at(file, offset, "the metadata record has another name in the summary");
    end = place->end();
  }
}

void Reader::note(const std::string& problem) {
  if (problem_.empty()) problem_ = problem;
}

void Reader::scan() {
  const std::uint64_t size = source_->size();
  std::uint64_t offset = data_start_;
  std::uint64_t message_indexes_at = 0; // where a message index belongs to the last chunk
  Buffer buffer;
  while (const auto place = record_at(offset, size)) {
    try {
      scan_record(*place, message_indexes_at, buffer);
    } catch (const Failure& failure) {
      note(failure.what());
    }
    offset = place->end();
    if (place->opcode == Opcode::data_end) break;
  }
  readable_size_ = offset;
  const std::string& file = source_->name();
  const auto last = record_at(offset, size);
  if (!last && offset == size) {
    note(file + " at byte " + std::to_string(offset) + ": the file ends here, without its summary");
  } else if (!last) {
    note(file + " at byte " + std::to_string(offset) + ": the file is cut in a record that begins here");
  }
  if (problem_.empty()) check_end(offset);
  if (problem_.empty()) readable_size_ = size;
}

void Reader::check_end(std::uint64_t offset) {
  // Behind the end of the data section: the summary, and the footer, which says where it is.
  const std::uint64_t size = source_->size();
  const std::string& file = source_->name();
  auto place = record_at(offset, size);
  while (place && place->opcode != Opcode::footer) place = record_at(place->end(), size);
  if (!place || place->end() + magic.size() != size) {
    note(file + " at byte " + std::to_string(offset) + ": the footer is missing");
    return;
  }
  std::array<std::byte, magic.size()> end{};
  source_->read(place->end(), end);
  if (!has_magic(end))
    note(file + " at byte " + std::to_string(place->end()) + ": this is not how an MCAP file ends");
}

void Reader::scan_record(const RecordPlace& place, std::uint64_t& message_indexes_at, Buffer& buffer) {
  switch (place.opcode) {
    case Opcode::schema: {
      RecordReader reader = content(place, buffer);
      Schema schema = read_schema(reader);
      if (schema.id != 0) add_record(schemas_, std::move(schema), reader);
      break;
    }
    case Opcode::channel: {
      RecordReader reader = content(place, buffer);
      add_record(channels_, read_channel(reader), reader);
      break;
    }
    case Opcode::metadata:
      metadata_.push_back(read_metadata(content(place, buffer)));
      break;
    case Opcode::chunk: {
      // Its first bytes, with the name of any compression that there may be.
      std::array<std::byte, 128> bytes{};
      const auto first =
          std::span{bytes}.first(static_cast<std::size_t>(std::min<std::uint64_t>(place.length, 128)));
      source_->read(place.content(), first);
      RecordReader reader{source_->name(), "chunk", place.content(), first};
      const ChunkHead head = read_chunk_head(reader);
      if (head.size != place.end() - reader.offset()) reader.fail("has another size than its record");
      chunks_.push_back({head.start_time, head.end_time, place.offset, place.end() - place.offset});
      chunks_.back().compression = head.compression;
      chunks_.back().compressed_size = head.size;
      chunks_.back().uncompressed_size = head.uncompressed_size;
      message_indexes_at = place.end();
      break;
    }
    case Opcode::message_index: {
      if (place.offset != message_indexes_at) break;
      std::array<std::byte, 2> bytes{};
      const auto first =
          std::span{bytes}.first(static_cast<std::size_t>(std::min<std::uint64_t>(place.length, 2)));
      source_->read(place.content(), first);
      RecordReader reader{source_->name(), "message index", place.content(), first};
      chunks_.back().message_indexes.emplace_back(reader.integer<std::uint16_t>(), place.offset);
      chunks_.back().message_index_length += place.end() - place.offset;
      message_indexes_at = place.end();
      break;
    }
    default:
      break;
  }
}

void ChunkReader::open(const Reader& reader, const ChunkIndex& chunk) {
  const Source& source = reader.source();
  file_ = source.name();
  offset_ = chunk.offset;
  records_ = {};
  position_ = 0;
  const auto place = reader.record_at(chunk.offset, source.size());
  if (!place || place->opcode != Opcode::chunk || place->end() - place->offset != chunk.length)
    fail_at(file_, offset_, "there is not the chunk that the summary has");
  const auto check_size = [&](std::uint64_t size) {
    if (size <= reader.limits().chunk) return;
    fail_at(file_, offset_,
            "the chunk has " + std::to_string(size) + " bytes, and at most " +
                std::to_string(reader.limits().chunk) + " are read");
  };
  check_size(place->length);
  stored_.resize_discarding(static_cast<std::size_t>(place->length));
  source.read(place->content(), stored_.writable());
  RecordReader content{file_, "chunk", place->content(), stored_.bytes()};
  const ChunkHead head = read_chunk_head(content);
  const Bytes stored = content.bytes(head.size);
  Bytes records = stored;
  if (head.compression == to_string(Compression::zstd)) {
    check_size(head.uncompressed_size);
    // A block of zstd has at least 4 bytes, and at most 128 KiB of content.
    constexpr std::uint64_t block = 128 * 1024;
    if (head.uncompressed_size / block > head.size / 4)
      content.fail("cannot have the " + std::to_string(head.uncompressed_size) + " bytes that it promises");
    content_.resize_discarding(static_cast<std::size_t>(head.uncompressed_size));
    if (!decompressor_.decompress(stored, content_.writable())) {
      content.fail("cannot be decompressed to its " + std::to_string(head.uncompressed_size) +
                   " bytes: it is damaged");
    }
    records = content_.bytes();
  } else if (head.compression != to_string(Compression::none)) {
    content.fail("is compressed by '" + head.compression + "', and seqcast reads zstd alone");
  } else if (head.uncompressed_size != head.size) {
    content.fail("promises " + std::to_string(head.uncompressed_size) + " bytes and has " +
                 std::to_string(head.size));
  }
  const std::uint32_t crc = head.crc == 0 ? 0 : crc32(0, records);
  if (crc != head.crc) {
    fail_at(file_, offset_,
            "the chunk's CRC is " + std::to_string(head.crc) + ", and its bytes give " + std::to_string(crc));
  }
  records_ = records;
}

std::optional<Message> ChunkReader::next() {
  while (position_ < records_.size()) {
    RecordReader reader{file_, "record in the chunk", offset_, records_.subspan(position_)};
    const std::uint64_t begin = position_;
    position_ = records_.size(); // in case that it throws
    const Opcode opcode{reader.integer<std::uint8_t>()};
    if (opcode == Opcode{}) reader.fail("has the opcode 0, which none has");
    const Bytes content = reader.long_bytes();
    position_ = begin + record_header_size + content.size();
    if (opcode != Opcode::message) continue;
    message_offset_ = begin;
    RecordReader message{file_, "message in the chunk", offset_, content};
    const auto channel = message.integer<std::uint16_t>();
    const auto sequence = message.integer<std::uint32_t>();
    const auto log_time = message.integer<std::uint64_t>();
    return Message{channel, sequence, log_time, message.integer<std::uint64_t>(), message.rest()};
  }
  return std::nullopt;
}

} // namespace mcap
