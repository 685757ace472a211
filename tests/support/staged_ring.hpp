// SPDX-License-Identifier: BSL-1.0
//
// staged_ring: a small region in ordinary memory, with StagedPolicy, and messages that check themselves: each
// word of a message depends on its sequence, its position and its publisher.
//
// Who may use it: tests of ring and recovery; one thread at a time.
//
// Invariants
//   1. The region is as Recovery::create() leaves it, until the test changes it.
#pragma once

#include <seqcast/detail/recovery.hpp>
#include "support/resume.hpp"
#include "support/staged_policy.hpp"

#include <vector>

namespace test {

namespace detail = seqcast::detail;
using Recovery = detail::Recovery<StagedPolicy>;
using RingPublisher = detail::RingPublisher<StagedPolicy>;
using RingSubscriber = detail::RingSubscriber<StagedPolicy>;
using detail::ReadResult;
using detail::ReadStatus;

inline constexpr std::size_t message_words = 3;
inline constexpr std::uint32_t message_size = message_words * detail::word_size;
using MessageWords = std::array<std::uint64_t, message_words>;

constexpr std::uint64_t word_of(std::uint64_t sequence, std::uint64_t author, std::uint64_t position) {
  return sequence * 0x9E37'79B9'7F4A'7C15 + author * 0x1000 + position + 1;
}

class StagedRing {
 public:
  explicit StagedRing(std::uint64_t capacity, bool timestamps = false)
      : geometry{.slots_word = detail::header_size / detail::word_size,
                 .stride_words = detail::cache_line / detail::word_size,
                 .capacity = capacity,
                 .payload_word = timestamps ? std::size_t{3} : std::size_t{2},
                 .max_message_size = message_size,
                 .timestamps = timestamps},
        words(geometry.slots_word + capacity * geometry.stride_words) {
    Recovery{words.data(), geometry}.create();
    publisher = {words.data(), geometry, 0};
  }

  /// Publishes one self-checking message.
  void publish_one() {
    const std::uint64_t sequence = publisher.head() + 1;
    publisher.publish_with(message_size, sequence * 10, [&](StagedPolicy::Word* payload) {
      for (std::size_t i = 0; i < message_words; ++i) {
        payload[i].store(word_of(sequence, author, i), std::memory_order_relaxed);
      }
    });
  }
  void publish(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) publish_one();
  }

  RingSubscriber subscriber(ResumePosition resume = ResumePosition::half, std::uint64_t cursor = 0) const {
    return {words.data(), geometry, cursor, cursor + 1, resume_behind(resume, geometry.capacity)};
  }

  Recovery recovery() {
    return {words.data(), geometry};
  }

  /// The words of the region themselves, to be read or to be damaged.
  std::uint64_t& head() {
    return words[detail::head_offset / detail::word_size].value;
  }
  std::uint64_t& oldest() {
    return words[detail::oldest_offset / detail::word_size].value;
  }
  std::uint64_t& slot_word(std::uint64_t sequence, std::size_t word) {
    return words[geometry.slots_word + geometry.index_of(sequence) * geometry.stride_words + word].value;
  }
  std::uint64_t& version(std::uint64_t sequence) {
    return slot_word(sequence, detail::version_word);
  }
  std::vector<std::uint64_t> contents() const {
    std::vector<std::uint64_t> copy;
    for (const auto& word : words) copy.push_back(word.value);
    return copy;
  }

  detail::Geometry geometry;
  std::vector<StagedPolicy::Word> words;
  RingPublisher publisher;
  std::uint64_t author = 1;
};

/// One call, and the bytes that it gave.
struct Read {
  ReadResult result;
  MessageWords words{};

  bool delivered() const {
    return result.status == ReadStatus::message;
  }
  /// Whether these are the words of message result.sequence, by this author.
  bool whole(std::uint64_t author = 1) const {
    for (std::size_t i = 0; i < message_words; ++i) {
      if (words[i] != word_of(result.sequence, author, i)) return false;
    }
    return result.size == message_size;
  }
};

/// Checks that this message was delivered whole.
inline void is_message(const Read& read, std::uint64_t sequence, std::uint64_t lost) {
  CHECK(read.result.status == ReadStatus::message);
  CHECK(read.result.sequence == sequence);
  CHECK(read.result.lost == lost);
  CHECK(read.whole());
}

inline Read finish(const ReadResult& result, const std::array<std::byte, message_size>& bytes) {
  return {result, std::bit_cast<MessageWords>(bytes)};
}
inline Read next(RingSubscriber& subscriber) {
  std::array<std::byte, message_size> bytes{};
  return finish(subscriber.next(detail::ExactDestination<>{bytes.data(), message_size}), bytes);
}
inline Read latest(RingSubscriber& subscriber) {
  std::array<std::byte, message_size> bytes{};
  return finish(subscriber.latest(detail::ExactDestination<>{bytes.data(), message_size}), bytes);
}

} // namespace test
