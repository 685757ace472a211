// SPDX-License-Identifier: BSL-1.0
//
// writer: an MCAP file, from its first byte to its last.
//
//     header · (metadata | schema | channel | private records, chunk, message indexes)...
//     data end · summary · footer
//
// Who may call it: one thread at a time.
//
// Invariants
//   1. Each call that returns has given its bytes to the sink. What a call that throws has given is taken back
//      (Sink::truncate()), so the file ends with a whole record.
//   2. Schemas and channels are in the data section before the first chunk that uses them, and again in the
//      summary: a file without its end is as readable as a whole one.
//   3. Each byte is summed once for all CRCs. Memory: the summary, which is about 90 bytes a chunk and 10
//      for each channel in it; and, with compression, one compressed chunk.
#pragma once

#include "chunk.hpp"
#include "records.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mcap {

class Writer {
 public:
  /// Writes magic and header.
  Writer(std::unique_ptr<Sink> sink, const Header& header);

  /// Writes the schema, unless it was written before, and gives its id.
  /// Errors, as for all calls below: throws Failure if the sink fails, std::bad_alloc, and std::length_error
  /// for the 65536th schema or channel.
  std::uint16_t add_schema(std::string name, std::string encoding, std::string data);
  /// Writes a channel and gives its id, from 1 on. Requires: the schema's id is 0 or of add_schema().
  std::uint16_t add_channel(std::uint16_t schema_id, std::string topic, std::string message_encoding,
                            TextMap metadata);
  void add_metadata(const Metadata& metadata);
  /// Writes the chunk with its message indexes. `before` is written in front of it, as it is: whole records of
  /// private opcodes; a reader finds them between the end of the chunk before and this one.
  /// Requires: its channels are those of add_channel().
  void write(const Chunk& chunk, Compression compression, int level, Bytes before = {});
  /// Returns when all that was written would survive a power cut.
  void sync() {
    sink_->sync();
  }
  /// Writes the end of the data section, summary and footer. Nothing may be written afterwards.
  void finish();
  /// Permits to write again after a Failure of the sink; until then every call throws that again.
  /// Errors: throws it too, if what was written in part could not be taken back.
  void recover();

  /// Bytes that were written.
  std::uint64_t size() const noexcept {
    return size_;
  }
  const std::string& name() const noexcept {
    return sink_->name();
  }

 private:
  void write(std::span<const Bytes> parts, std::uint32_t crc);
  /// Writes buffer_ and clears it. Gives its bytes, which are valid until it is used again.
  Bytes write_buffer();

  std::unique_ptr<Sink> sink_;
  std::uint64_t size_ = 0;
  std::uint32_t crc_ = 0; // of all bytes so far
  std::optional<Failure> failure_;
  bool cut_back_ = false; // after a failure
  Buffer buffer_;         // the record that is being written
  Buffer index_heads_;    // what stands before the entries of one chunk's message indexes
  std::vector<Bytes> parts_;
  Compressor compressor_;
  Statistics statistics_;
  // The summary, ready to be written.
  std::vector<Schema> schemas_;
  Buffer schema_records_;
  Buffer channel_records_;
  Buffer chunk_indexes_;
  Buffer metadata_indexes_;
};

} // namespace mcap
