// SPDX-License-Identifier: BSL-1.0
//
// chunk: messages in memory, as a Chunk record has them, with the index of each channel.
//
// Who may call it: one thread at a time. One thread may fill a chunk while another writes the one before.
//
// Invariants
//   1. records() is what the file's chunk contains before compression; indexes() are in the order in which the
//      channels first occurred.
#pragma once

#include "records.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace mcap {

class Chunk {
 public:
  /// Of one channel: 16 bytes a message, log time and offset in records(), as a MessageIndex record has them.
  struct Index {
    std::uint16_t channel = 0;
    std::uint64_t messages = 0;
    Buffer entries;
  };

  /// Appends a message. Times are ns since 1970. Errors: throws std::bad_alloc; the chunk is then as before.
  void add(std::uint16_t channel, std::uint32_t sequence, std::uint64_t log_time, std::uint64_t publish_time,
           Bytes data) {
    Index& index = index_of(channel);
    records_.reserve(message_header_size + data.size()); // what throws comes first
    store(store(index.entries.extend(16), log_time), std::uint64_t{records_.size()});
    std::byte* to = records_.extend(message_header_size + data.size());
    to = store(to, static_cast<std::uint8_t>(Opcode::message));
    to = store(to, std::uint64_t{message_header_size - record_header_size + data.size()});
    to = store(to, channel);
    to = store(to, sequence);
    to = store(to, log_time);
    to = store(to, publish_time);
    if (!data.empty() && data.data() != to) std::memcpy(to, data.data(), data.size());
    ++index.messages;
    ++messages_;
    start_time_ = std::min(start_time_, log_time);
    end_time_ = std::max(end_time_, log_time);
  }

  /// Room for the data of the next message, of at most `size` bytes: add() does not copy what lies there. Valid until
  /// the next call. Errors: throws std::bad_alloc.
  std::span<std::byte> room(std::size_t size) {
    records_.reserve(message_header_size + size);
    return records_.room().subspan(message_header_size, size);
  }

  /// Makes it empty. The memory is kept for the next messages.
  void clear() noexcept;
  /// Takes memory for so many bytes of records in advance.
  void reserve(std::size_t bytes) {
    records_.reserve(bytes);
  }

  bool empty() const noexcept {
    return messages_ == 0;
  }
  std::uint64_t messages() const noexcept {
    return messages_;
  }
  /// Of one channel.
  std::uint64_t messages_of(std::uint16_t channel) const noexcept {
    const bool found = channel < places_.size() && places_[channel] != none;
    return found ? indexes_[places_[channel]].messages : 0;
  }
  /// Of the records, before compression.
  std::size_t size() const noexcept {
    return records_.size();
  }
  Bytes records() const noexcept {
    return records_.bytes();
  }
  /// Earliest and latest log time in ns; 0 without messages.
  std::uint64_t start_time() const noexcept {
    return empty() ? 0 : start_time_;
  }
  std::uint64_t end_time() const noexcept {
    return end_time_;
  }
  /// Of each channel that has a message here.
  std::span<const Index> indexes() const noexcept {
    return {indexes_.data(), used_};
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  Index& index_of(std::uint16_t channel) {
    if (channel < places_.size() && places_[channel] != none) [[likely]]
      return indexes_[places_[channel]];
    return add_index(channel);
  }
  Index& add_index(std::uint16_t channel);

  Buffer records_;
  std::vector<Index> indexes_;        // of which `used_` are of this chunk; the others keep their memory
  std::vector<std::uint32_t> places_; // for each channel its place in indexes_
  std::size_t used_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t start_time_ = ~std::uint64_t{0};
  std::uint64_t end_time_ = 0;
};

} // namespace mcap
