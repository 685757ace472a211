// SPDX-License-Identifier: BSL-1.0
//
// reader: an MCAP file by its summary, or by its records where it has none. Chunks are read one by one.
//
// Who may call it: one thread at a time; a ChunkReader of its own for each thread that reads chunks.
//
// Invariants
//   1. Whatever the file contains: no crash, no access out of bounds, and each call ends. What is allocated is
//      bounded by the file's size and by Limits.
//   2. Of a file that was cut or whose end is damaged, every chunk that is whole is found.
#pragma once

#include "codec.hpp"
#include "records.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mcap {

/// A record of the data section, without its content.
struct RecordPlace {
  Opcode opcode{};
  std::uint64_t offset = 0; ///< Of its first byte.
  std::uint64_t length = 0; ///< Of the content.

  std::uint64_t content() const noexcept {
    return offset + record_header_size;
  }
  std::uint64_t end() const noexcept {
    return content() + length;
  }
};

class Reader {
 public:
  enum class Way {
    by_summary, ///< If there is one, and undamaged.
    by_records, ///< As if there were none.
  };

  /// Reads the summary, or all record headers where there is none.
  /// Errors: throws Failure if the source cannot be read, or if it does not begin as an MCAP file.
  explicit Reader(std::shared_ptr<const Source> source, const Limits& limits = {}, Way way = Way::by_summary);

  const Header& header() const noexcept {
    return header_;
  }
  const std::map<std::uint16_t, Schema>& schemas() const noexcept {
    return schemas_;
  }
  const std::map<std::uint16_t, Channel>& channels() const noexcept {
    return channels_;
  }
  /// In the order of the file.
  const std::vector<ChunkIndex>& chunks() const noexcept {
    return chunks_;
  }
  /// In the order of the file.
  const std::vector<Metadata>& metadata() const noexcept {
    return metadata_;
  }
  /// Nothing if the file has none.
  const std::optional<Statistics>& statistics() const noexcept {
    return statistics_;
  }
  /// Whether it has an undamaged end. If not, all above is what the whole records say.
  bool complete() const noexcept {
    return problem_.empty();
  }
  /// Why it is not complete: "FILE at byte ...". Empty if it is.
  const std::string& problem() const noexcept {
    return problem_;
  }
  /// Where the last whole record of the data section ends, of a file that is not complete; otherwise
  /// the file's size.
  std::uint64_t readable_size() const noexcept {
    return readable_size_;
  }
  /// Where the data section begins: behind the header.
  std::uint64_t data_start() const noexcept {
    return data_start_;
  }

  /// The record at `offset`; nothing if it is not within `end`, or if there are zeros, as behind a power cut.
  std::optional<RecordPlace> record_at(std::uint64_t offset, std::uint64_t end) const;
  /// Its content, in `buffer`. Errors: throws Failure beyond Limits.
  RecordReader content(const RecordPlace& place, Buffer& buffer) const;

  const Source& source() const noexcept {
    return *source_;
  }
  const Limits& limits() const noexcept {
    return limits_;
  }

 private:
  Reader(std::shared_ptr<const Source> source, const Limits& limits, Header header,
         std::uint64_t data_start) noexcept;
  bool read_end();
  void read_summary(const Footer& footer, std::uint64_t footer_offset, Bytes footer_bytes);
  void scan();
  void scan_record(const RecordPlace& place, std::uint64_t& message_indexes_at, Buffer& buffer);
  void check_end(std::uint64_t offset);
  void note(const std::string& problem);

  std::shared_ptr<const Source> source_;
  Limits limits_;
  Header header_;
  std::uint64_t data_start_ = 0;
  std::map<std::uint16_t, Schema> schemas_;
  std::map<std::uint16_t, Channel> channels_;
  std::vector<ChunkIndex> chunks_;
  std::vector<Metadata> metadata_;
  std::optional<Statistics> statistics_;
  std::string problem_;
  std::uint64_t readable_size_ = 0;
};

/// The messages of one chunk after another.
class ChunkReader {
 public:
  /// Reads and decompresses the chunk, and checks its CRC. Messages of the chunk before are no longer valid.
  /// Errors: throws Failure that names the byte of the chunk; std::bad_alloc.
  void open(const Reader& reader, const ChunkIndex& chunk);

  /// The next message, whose data is valid until open(); nothing at the end. Other records are skipped.
  /// Errors: throws Failure, and then gives nothing more of this chunk.
  std::optional<Message> next();

  /// Whether there are bytes behind the last message.
  bool has_more() const noexcept {
    return position_ < records_.size();
  }
  /// Where the record of the last message begins, in the bytes of the decompressed chunk.
  std::uint64_t message_offset() const noexcept {
    return message_offset_;
  }

 private:
  std::string file_;
  std::uint64_t offset_ = 0; // of the chunk in the file
  Bytes records_;
  std::uint64_t position_ = 0; // of the next record
  std::uint64_t message_offset_ = 0;
  Buffer stored_;
  Buffer content_;
  Decompressor decompressor_;
};

} // namespace mcap
