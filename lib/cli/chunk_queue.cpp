// SPDX-License-Identifier: BSL-1.0
#include "chunk_queue.hpp"

#include <utility>

namespace cli {

namespace {

// A chunk that was full keeps its memory for the next one; more than a few of them would only be memory.
constexpr std::size_t most_spare = 4;

} // namespace

std::unique_ptr<RecordedChunk> ChunkQueue::begin() {
  const std::lock_guard lock{mutex_};
  if (held_ >= limit_) return nullptr;
  if (spare_.empty()) return std::make_unique<RecordedChunk>();
  auto chunk = std::move(spare_.back());
  spare_.pop_back();
  return chunk;
}

void ChunkQueue::wait_for_room(Clock::time_point deadline, const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  changed_.wait_until(lock, stop, deadline, [this] { return held_ < limit_; });
}

void ChunkQueue::push(std::unique_ptr<RecordedChunk> chunk) {
  {
    const std::lock_guard lock{mutex_};
    held_ += chunk->messages.size();
    chunks_.push_back(std::move(chunk));
  }
  changed_.notify_all();
}

void ChunkQueue::close() {
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
  }
  changed_.notify_all();
}

std::unique_ptr<RecordedChunk> ChunkQueue::pop(Clock::time_point deadline) {
  std::unique_lock lock{mutex_};
  changed_.wait_until(lock, deadline, [this] { return !chunks_.empty() || closed_ || woken_; });
  if (std::exchange(woken_, false) || chunks_.empty()) return nullptr;
  auto chunk = std::move(chunks_.front());
  chunks_.pop_front();
  return chunk;
}

bool ChunkQueue::ended() const {
  const std::lock_guard lock{mutex_};
  return closed_ && chunks_.empty();
}

void ChunkQueue::wake() {
  {
    const std::lock_guard lock{mutex_};
    woken_ = true;
  }
  changed_.notify_all();
}

void ChunkQueue::release(std::unique_ptr<RecordedChunk> chunk) {
  {
    const std::lock_guard lock{mutex_};
    const std::uint64_t size = chunk->messages.size();
    held_ -= size;
    // One that was nearly empty may still have the memory of a full one: not kept, or a window of many such
    // chunks would have far more memory than bytes.
    if (size >= full_chunk / 2 && spare_.size() < most_spare) {
      chunk->messages.clear();
      chunk->shares.clear();
      chunk->flushed = false;
      spare_.push_back(std::move(chunk));
    }
  }
  changed_.notify_all();
}

void ChunkQueue::request_flush() {
  const std::lock_guard lock{mutex_};
  flush_ = true;
}

bool ChunkQueue::flush_requested() {
  const std::lock_guard lock{mutex_};
  return std::exchange(flush_, false);
}

std::uint64_t ChunkQueue::held() const {
  const std::lock_guard lock{mutex_};
  return held_;
}

} // namespace cli
