// SPDX-License-Identifier: BSL-1.0
//
// Copies of payloads between bytes and words, against guard pages: every size around the powers of two, in one
// piece and gathered, with nothing read or written outside. And which words of the next slot are prefetched.
#include <doctest/doctest.h>
#include <seqcast/detail/ring.hpp>
#include "support/guarded_memory.hpp"
#include "support/staged_policy.hpp"

#include <vector>

using namespace seqcast::detail;
using test::GuardedMemory;

namespace {

std::vector<std::size_t> sizes() {
  std::vector<std::size_t> all{0, 1, 7, 8, 9};
  for (std::size_t power = 16; power <= 65536; power *= 2) {
    all.insert(all.end(), {power - 1, power, power + 1});
  }
  return all;
}

void fill(std::span<std::byte> bytes, std::size_t seed) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>((i * 131 + seed * 7 + 1) % 251);
}

bool equal(std::span<const std::byte> one, std::span<const std::byte> other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

/// The bytes of a payload of `size` bytes, padded with zeros to whole words.
std::vector<std::byte> padded(std::span<const std::byte> message) {
  std::vector<std::byte> bytes(message.begin(), message.end());
  bytes.resize(words_for(message.size()) * word_size);
  return bytes;
}

/// Each size, copied in each way.
std::vector<std::pair<std::size_t, CopyMode>> sizes_and_modes() {
  std::vector<std::pair<std::size_t, CopyMode>> pairs;
  for (const std::size_t size : sizes()) {
    for (const CopyMode mode : {CopyMode::usual, CopyMode::hurried, CopyMode::streamed})
      pairs.emplace_back(size, mode);
  }
  return pairs;
}

// The words of a message, all ones at first, so that padding is zero only if it was stored.
struct GuardedWords {
  explicit GuardedWords(std::size_t size, GuardedMemory::Against side = GuardedMemory::Against::end)
      : memory{words_for(size) * word_size, side} {
    std::fill(memory.bytes().begin(), memory.bytes().end(), std::byte{0xFF});
  }
  Word* words() const {
    return words_at(static_cast<void*>(memory.data()));
  }
  GuardedMemory memory;
};

/// A policy without a wide copy, as on other processors and under a sanitizer.
struct PortablePolicy {
  using Word = seqcast::detail::Word;
};

} // namespace

TEST_CASE_TEMPLATE(
    "a payload is stored as its bytes, padded with zeros to a word, and nothing outside is touched", Policy,
    HardwarePolicy, PortablePolicy) {
  for (const auto& each : sizes_and_modes()) {
    const auto size = each.first;
    const CopyMode mode = each.second;
    for (const auto side : {GuardedMemory::Against::end, GuardedMemory::Against::begin}) {
      CAPTURE(size);
      const GuardedMemory message{size, side};
      fill(message.bytes(), size);
      const GuardedWords payload{size, side};
      store_payload<Policy>(payload.words(), message.data(), size, mode);
      CHECK(equal(payload.memory.bytes(), padded(message.bytes())));
    }
  }
}

TEST_CASE_TEMPLATE("a payload is loaded byte for byte, and nothing outside is touched", Policy, HardwarePolicy,
                   PortablePolicy) {
  for (const auto& each : sizes_and_modes()) {
    const auto size = each.first;
    const CopyMode mode = each.second;
    for (const auto side : {GuardedMemory::Against::end, GuardedMemory::Against::begin}) {
      CAPTURE(size);
      const GuardedMemory message{size, side};
      fill(message.bytes(), size);
      const GuardedWords payload{size, side};
      store_payload<Policy>(payload.words(), message.data(), size, mode);

      const GuardedMemory copy{size, side};
      load_payload<Policy>(payload.words(), copy.data(), size, mode == CopyMode::hurried);
      CHECK(equal(copy.bytes(), message.bytes()));
    }
  }
}

TEST_CASE("a copy of a few bytes does not change the rest of the buffer") {
  const GuardedWords payload{64};
  for (std::size_t size = 0; size <= 64; ++size) {
    std::array<std::byte, 80> copy{};
    load_payload<HardwarePolicy>(payload.words(), copy.data() + 8, size, false);
    for (std::size_t i = 0; i < copy.size(); ++i) {
      CHECK(copy[i] == (i >= 8 && i < 8 + size ? std::byte{0xFF} : std::byte{0}));
    }
  }
}

TEST_CASE("a gathered message is the same as one in one piece, for all ways to cut 13 bytes") {
  constexpr std::size_t size = 13;
  const GuardedMemory message{size};
  fill(message.bytes(), 5);
  std::size_t wrong = 0;
  for (std::uint32_t cuts = 0; cuts < (1U << (size - 1)); ++cuts) { // bit i: cut behind byte i
    const GuardedWords payload{size};
    PayloadGatherer<HardwarePolicy> gatherer{payload.words()};
    std::size_t begin = 0;
    for (std::size_t end = 1; end <= size; ++end) {
      if (end < size && (cuts >> (end - 1) & 1) == 0) continue;
      gatherer.append(message.bytes().subspan(begin, end - begin));
      begin = end;
    }
    gatherer.finish();
    if (!equal(payload.memory.bytes(), padded(message.bytes()))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("pieces of odd sizes, empty ones among them, gather into one message of any size", Policy,
                   HardwarePolicy, PortablePolicy) {
  for (const std::size_t size : sizes()) {
    for (const std::size_t step : {1U, 3U, 7U, 8U, 9U, 17U, 4095U}) {
      if (size / step > 600) continue;
      CAPTURE(size);
      CAPTURE(step);
      const GuardedMemory message{size};
      fill(message.bytes(), step);
      const GuardedWords payload{size};
      PayloadGatherer<Policy> gatherer{payload.words()};
      for (std::size_t begin = 0; begin < size; begin += step) {
        gatherer.append({});
        const GuardedMemory piece{std::min(step, size - begin)};
        std::copy_n(message.data() + begin, piece.bytes().size(), piece.data());
        gatherer.append(piece.bytes());
      }
      gatherer.finish();
      CHECK(equal(payload.memory.bytes(), padded(message.bytes())));
    }
  }
}

TEST_CASE("a gatherer without a piece stores nothing") {
  const GuardedWords payload{0};
  PayloadGatherer<HardwarePolicy> gatherer{payload.words()};
  gatherer.append({});
  gatherer.finish();
  CHECK(payload.memory.bytes().empty());
}

TEST_CASE("a payload is stored and loaded wherever it begins in a cache line") {
  for (const auto& each : sizes_and_modes()) {
    const auto size = each.first;
    const CopyMode mode = each.second;
    for (const std::size_t offset : {16U, 24U, 32U, 64U}) {
      CAPTURE(size);
      CAPTURE(offset);
      const GuardedMemory message{size};
      fill(message.bytes(), offset);
      const GuardedMemory slot{offset + round_up(size, word_size)};
      Word* const payload = words_at(static_cast<void*>(slot.data())) + offset / word_size;
      store_payload<HardwarePolicy>(payload, message.data(), size, mode);
      CHECK(equal(slot.bytes().subspan(offset, size), message.bytes()));
      std::vector<std::byte> copy(size);
      load_payload<HardwarePolicy>(payload, copy.data(), size, mode == CopyMode::hurried);
      CHECK(equal(copy, message.bytes()));
    }
  }
}

TEST_CASE("the bytes in the version's cache line are stored last, in one piece or gathered") {
  for (const bool gathered : {false, true}) {
    alignas(cache_line) std::array<test::StagedPolicy::Word, 40> slot{};
    std::array<std::byte, 300> message{};
    message.fill(std::byte{0xFF});
    std::vector<std::size_t> order; // of the words, as they change
    test::StagedPolicy::Staging staging;
    const auto note = [&](std::uint64_t = 0) {
      for (std::size_t i = 0; i < slot.size(); ++i) {
        if (slot[i].value != 0 && std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
      }
    };
    staging.before_each(note);
    if (gathered) {
      PayloadGatherer<test::StagedPolicy> gatherer{slot.data() + 2};
      for (std::size_t i = 0; i < message.size(); i += 50) {
        gatherer.append(std::span<const std::byte>{message}.subspan(i, 50));
      }
      gatherer.finish();
    } else {
      store_payload<test::StagedPolicy>(slot.data() + 2, message.data(), message.size(), CopyMode::usual);
    }
    note();
    REQUIRE(order.size() == 38);
    CHECK(std::is_sorted(order.begin(), order.end() - 6));
    CHECK(std::equal(order.end() - 6, order.end(), std::vector<std::size_t>{2, 3, 4, 5, 6, 7}.begin()));
  }
}

TEST_CASE("prefetching the next slot stores nothing into the version's line or behind the message") {
  for (const std::size_t size : sizes()) {
    CAPTURE(size);
    const std::size_t stride = round_up(smallest_payload_offset + round_up(size, word_size), cache_line);
    const Geometry geometry{.slots_word = header_size / word_size,
                            .stride_words = stride / word_size,
                            .capacity = 2,
                            .payload_word = smallest_payload_offset / word_size,
                            .max_message_size = static_cast<std::uint32_t>(size)};
    const GuardedWords region{header_size + 2 * stride};
    const std::vector<std::byte> message(size, std::byte{1});
    RingPublisher<HardwarePolicy> publisher{region.words(), geometry, 0};
    publisher.publish(message.data(), geometry.max_message_size, 0);

    const auto next_slot = region.memory.bytes().last(stride);
    const auto unchanged = [](std::byte byte) { return byte == std::byte{0xFF}; };
    const auto beside_version = next_slot.subspan(word_size, cache_line - word_size);
    CHECK(std::all_of(beside_version.begin(), beside_version.end(), unchanged));
    for (std::size_t line = cache_line; line < smallest_payload_offset + size; line += cache_line) {
      CHECK(next_slot[line] == std::byte{0}); // by the store that prefetches the line
    }
    const auto behind = next_slot.subspan(smallest_payload_offset + round_up(size, word_size));
    CHECK(std::all_of(behind.begin(), behind.end(), unchanged));
  }
}

TEST_CASE(
    "the next slot is prefetched behind a message in place of any size, and behind a copy up to 256 KiB") {
  for (const std::uint32_t size : {PublisherPace::fits_cache, PublisherPace::fits_cache + 8}) {
    for (const bool in_place : {false, true}) {
      CAPTURE(size);
      CAPTURE(in_place);
      const Geometry geometry{.slots_word = header_size / word_size,
                              .stride_words = (cache_line + size) / word_size,
                              .capacity = 2,
                              .payload_word = cache_line / word_size,
                              .max_message_size = size};
      const GuardedWords region{header_size + 2 * (cache_line + size)};
      RingPublisher<HardwarePolicy> publisher{region.words(), geometry, 0};
      const std::vector<std::byte> message(size, std::byte{1});
      if (in_place) {
        publisher.publish_with(size, 0, [](Word*) {});
      } else {
        publisher.publish(message.data(), size, 0);
        CHECK(equal(region.memory.bytes().subspan(header_size + cache_line, size), message));
      }
      const bool prefetched = in_place || size <= PublisherPace::fits_cache;
      const auto payload = region.memory.bytes().last(size);
      for (std::size_t line = 0; line < size; line += cache_line) {
        REQUIRE(payload[line] == (prefetched ? std::byte{0} : std::byte{0xFF}));
      }
    }
  }
}
