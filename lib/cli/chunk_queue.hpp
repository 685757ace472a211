// SPDX-License-Identifier: BSL-1.0
//
// chunk_queue: chunks of messages on their way from the thread that reads channels to the one that
// writes files.
//
// Who may call it: any thread.
//
// Invariants
//   1. The bytes of all chunks between begin() and release() are bounded: begin() gives none above the limit.
//      The one chunk that was given last may exceed it, by one message.
//   2. Chunks come out in the order in which they went in.
#pragma once

#include <recording.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

namespace cli {

/// A region that is recorded. Another region behind the same name is another one.
using Region = seqcast::recording::RecordedChannel;

/// What a chunk has of one region: its numbers from + 1 to `to`, of which `messages` are here and the others
/// are lost.
struct Share {
  std::shared_ptr<Region> region; ///< Its id counts the regions of this recorder, from 1 on.
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t messages = 0;
};

/// Bytes at which a chunk is passed on.
inline constexpr std::uint64_t full_chunk = std::uint64_t{4} << 20;
/// Time after which it is passed on even if it is smaller: what a recorder that is killed loses at most.
inline constexpr std::chrono::seconds oldest_chunk{1};

struct RecordedChunk {
  seqcast::recording::Chunk messages;
  std::vector<Share> shares;
  std::chrono::steady_clock::time_point begin, end; ///< Before the first and after the last message was read.
  bool flushed = false;                             ///< The answer to ChunkQueue::request_flush().
};

class ChunkQueue {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ChunkQueue(std::uint64_t limit) : limit_{limit} {}

  /// An empty chunk to be filled; null while there is no room.
  std::unique_ptr<RecordedChunk> begin();
  /// Waits until there is room, or until then.
  void wait_for_room(Clock::time_point deadline, const std::stop_token& stop);
  void push(std::unique_ptr<RecordedChunk> chunk);
  /// No more chunks come.
  void close();

  /// The next chunk; null at the deadline, at a call of wake(), or at the end.
  std::unique_ptr<RecordedChunk> pop(Clock::time_point deadline);
  /// Whether it is closed and empty.
  bool ended() const;
  /// Ends the wait in pop(), the present one or the next.
  void wake();
  /// The chunk is written, or dropped: its room is free.
  void release(std::unique_ptr<RecordedChunk> chunk);

  /// Has the reading thread push what it has, as a chunk that is `flushed`, even an empty one.
  void request_flush();
  /// Whether that is requested; once.
  bool flush_requested();

  /// Bytes of all chunks that are not released, but for the one that is being filled.
  std::uint64_t held() const;
  std::uint64_t limit() const noexcept {
    return limit_;
  }

 private:
  const std::uint64_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::unique_ptr<RecordedChunk>> chunks_;
  std::vector<std::unique_ptr<RecordedChunk>> spare_; // released, with their memory
  std::uint64_t held_ = 0;
  bool closed_ = false;
  bool woken_ = false;
  bool flush_ = false;
};

} // namespace cli
