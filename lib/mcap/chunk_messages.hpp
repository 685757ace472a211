// SPDX-License-Identifier: BSL-1.0
//
// chunk_messages: the messages of one chunk of a recording, with their 64-bit sequences, losses and epochs.
// Only the files of lib/mcap use it.
#pragma once

#include "reader.hpp"
#include "recording.hpp"
#include "recording_format.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace seqcast::recording {

/// The private records in front of a chunk, one for each channel that has messages in it.
/// Errors: throws Failure if one is damaged.
std::vector<format::Sequences> sequences_before(const mcap::Reader& reader, std::size_t chunk);

/// A message, and what its 32-bit sequence stands for.
struct NumberedMessage {
  mcap::Message message{};
  const RecordedChannel* channel = nullptr;
  std::uint64_t sequence = 0;
  std::uint64_t lost = 0;
  Epoch epoch{};
};

class ChunkMessages {
 public:
  /// Opens a chunk, by its number in reader.chunks(). Memory of the chunk before is used again.
  /// Requires: the channels live as long, in the order of their ids. Errors: throws Failure; std::bad_alloc.
  void open(const mcap::Reader& reader, std::size_t chunk, const std::vector<RecordedChannel>& channels);
  /// The next message; nothing at the end. Errors: throws Failure, and then gives nothing more.
  std::optional<NumberedMessage> next();

  /// The records in front of the chunk.
  const std::vector<format::Sequences>& sequences() const noexcept {
    return sequences_;
  }
  /// The chunk as MCAP has it.
  const mcap::ChunkReader& chunk() const noexcept {
    return chunk_;
  }

 private:
  /// How far a channel has come in this chunk.
  struct Progress {
    const format::Sequences* record = nullptr;
    const RecordedChannel* channel = nullptr;
    std::size_t next_run = 0;
    std::uint64_t messages = 0;
    std::uint64_t last = 0;
  };

  void number(NumberedMessage& numbered);
  [[noreturn]] void fail(const std::string& text) const;

  mcap::ChunkReader chunk_;
  std::string file_;
  std::uint64_t offset_ = 0;
  std::vector<format::Sequences> sequences_;
  std::vector<Progress> progress_; // by channel
  bool failed_ = false;
};

} // namespace seqcast::recording
