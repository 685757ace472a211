// SPDX-License-Identifier: BSL-1.0
//
// The copying of payloads between bytes and words, against forbidden pages: every size around the powers of
// two, in one piece and gathered, with nothing read or written outside. And what each half of a slot stores.
#include <doctest/doctest.h>
#include <seqcast/detail/slot.hpp>
#include "support/guarded_memory.hpp"
#include "support/staged_atomics.hpp"

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

// A message's words, all ones at first, so that padding has to be stored to be zero.
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

/// The atomics without a wide copy, as where this is built for another processor or under a sanitizer.
struct PortableAtomics {
  using Word = seqcast::detail::Word;
};

} // namespace

TEST_CASE_TEMPLATE(
    "a payload is stored as its bytes, padded with zeros to a word, and nothing outside is touched", Atomics,
    HardwareAtomics, PortableAtomics) {
  for (const std::size_t size : sizes()) {
    for (const auto side : {GuardedMemory::Against::end, GuardedMemory::Against::begin}) {
      CAPTURE(size);
      const GuardedMemory message{size, side};
      fill(message.bytes(), size);
      const GuardedWords payload{size, side};
      store_payload<Atomics>(payload.words(), message.data(), size);
      CHECK(equal(payload.memory.bytes(), padded(message.bytes())));
    }
  }
}

TEST_CASE_TEMPLATE("a payload is loaded byte for byte, and nothing outside is touched", Atomics,
                   HardwareAtomics, PortableAtomics) {
  for (const std::size_t size : sizes()) {
    for (const auto side : {GuardedMemory::Against::end, GuardedMemory::Against::begin}) {
      CAPTURE(size);
      const GuardedMemory message{size, side};
      fill(message.bytes(), size);
      const GuardedWords payload{size, side};
      store_payload<Atomics>(payload.words(), message.data(), size);

      const GuardedMemory copy{size, side};
      load_payload<Atomics>(payload.words(), copy.data(), size);
      CHECK(equal(copy.bytes(), message.bytes()));
    }
  }
}

TEST_CASE("a copy of few bytes leaves the rest of the buffer alone") {
  const GuardedWords payload{64};
  for (std::size_t size = 0; size <= 64; ++size) {
    std::array<std::byte, 80> copy{};
    load_payload<HardwareAtomics>(payload.words(), copy.data() + 8, size);
    for (std::size_t i = 0; i < copy.size(); ++i) {
      CHECK(copy[i] == (i >= 8 && i < 8 + size ? std::byte{0xFF} : std::byte{0}));
    }
  }
}

TEST_CASE("a message gathered from pieces is the same as in one piece, for all ways to cut 13 bytes") {
  constexpr std::size_t size = 13;
  const GuardedMemory message{size};
  fill(message.bytes(), 5);
  std::size_t wrong = 0;
  for (std::uint32_t cuts = 0; cuts < (1U << (size - 1)); ++cuts) { // bit i: cut behind byte i
    const GuardedWords payload{size};
    PayloadGatherer<HardwareAtomics> gatherer{payload.words()};
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

TEST_CASE_TEMPLATE("odd pieces, empty ones among them, gather into one message of any size", Atomics,
                   HardwareAtomics, PortableAtomics) {
  for (const std::size_t size : sizes()) {
    for (const std::size_t step : {1U, 3U, 7U, 8U, 9U, 17U, 4095U}) {
      if (size / step > 600) continue;
      CAPTURE(size);
      CAPTURE(step);
      const GuardedMemory message{size};
      fill(message.bytes(), step);
      const GuardedWords payload{size};
      PayloadGatherer<Atomics> gatherer{payload.words()};
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

TEST_CASE("no piece at all stores nothing") {
  const GuardedWords payload{0};
  PayloadGatherer<HardwareAtomics> gatherer{payload.words()};
  gatherer.append({});
  gatherer.finish();
  CHECK(payload.memory.bytes().empty());
}

TEST_CASE("a message lies in a slot where it is looked for, wherever its payload begins in a line") {
  for (const std::size_t size : sizes()) {
    for (const std::size_t offset : {16U, 24U, 32U, 64U}) {
      CAPTURE(size);
      CAPTURE(offset);
      const GuardedMemory message{size};
      fill(message.bytes(), offset);
      const GuardedMemory slot{offset + round_up(size, word_size)};
      Word* const payload = words_at(static_cast<void*>(slot.data())) + offset / word_size;
      store_payload<HardwareAtomics>(payload, message.data(), size);
      CHECK(equal(slot.bytes().subspan(offset, size), message.bytes()));
      std::vector<std::byte> copy(size);
      load_payload<HardwareAtomics>(payload, copy.data(), size);
      CHECK(equal(copy, message.bytes()));
    }
  }
}

TEST_CASE("what shares a line with the version is stored last, in one piece or in several") {
  for (const bool gathered : {false, true}) {
    alignas(cache_line) std::array<test::StagedAtomics::Word, 40> slot{};
    std::array<std::byte, 300> message{};
    message.fill(std::byte{0xFF});
    std::vector<std::size_t> order; // of the words, as they change
    test::StagedAtomics::Staging staging;
    const auto note = [&](std::uint64_t = 0) {
      for (std::size_t i = 0; i < slot.size(); ++i) {
        if (slot[i].value != 0 && std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
      }
    };
    staging.before_each(note);
    if (gathered) {
      PayloadGatherer<test::StagedAtomics> gatherer{slot.data() + 2};
      for (std::size_t i = 0; i < message.size(); i += 50) {
        gatherer.append(std::span<const std::byte>{message}.subspan(i, 50));
      }
      gatherer.finish();
    } else {
      store_payload<test::StagedAtomics>(slot.data() + 2, message.data(), message.size());
    }
    note();
    REQUIRE(order.size() == 38);
    CHECK(std::is_sorted(order.begin(), order.end() - 6));
    CHECK(std::equal(order.end() - 6, order.end(), std::vector<std::size_t>{2, 3, 4, 5, 6, 7}.begin()));
  }
}

TEST_CASE("owning a slot's lines ahead leaves the version's line alone, and all that is behind the message") {
  for (const std::size_t size : sizes()) {
    CAPTURE(size);
    const std::size_t stride = round_up(smallest_payload_offset + round_up(size, word_size), cache_line);
    const GuardedWords words{stride};
    const auto before = padded(words.memory.bytes());
    PublisherSlot<HardwareAtomics>{words.words(), 2}.own_ahead(size);
    const auto now = words.memory.bytes();
    CHECK(equal(now.first(cache_line), std::span{before}.first(cache_line)));
    for (std::size_t line = cache_line; line < smallest_payload_offset + size; line += cache_line) {
      CHECK(now[line] == std::byte{0}); // stored to: that is what takes it
    }
    const std::size_t end = smallest_payload_offset + round_up(size, word_size);
    CHECK(equal(now.subspan(end), std::span{before}.subspan(end)));
  }
}

TEST_CASE("version arithmetic") {
  CHECK(open_version(1) == 1);
  CHECK(complete_version(1) == 2);
  for (std::uint64_t sequence = 1; sequence < 100; ++sequence) {
    CHECK(sequence_of(open_version(sequence)) == sequence);
    CHECK(sequence_of(complete_version(sequence)) == sequence);
    CHECK(newest_proven(open_version(sequence)) == sequence - 1);
    CHECK(newest_proven(complete_version(sequence)) == sequence);
  }
}

TEST_CASE("a version is plausible in its own slot alone, and below 2^63") {
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    const Geometry geometry{.capacity = capacity};
    for (std::uint64_t version = 1; version < 100; ++version) {
      for (std::uint64_t index = 0; index < capacity; ++index) {
        CHECK(plausible(version, index, geometry) == (index == ((version + 1) / 2 - 1) % capacity));
      }
    }
    for (std::uint64_t index = 0; index < capacity; ++index) CHECK(plausible(0, index, geometry));
    const std::uint64_t limit = std::uint64_t{1} << 63;
    std::uint64_t accepted = 0;
    for (std::uint64_t index = 0; index < capacity; ++index) {
      accepted += plausible(limit - 1, index, geometry) ? 1 : 0;
      CHECK_FALSE(plausible(limit, index, geometry));
      CHECK_FALSE(plausible(limit + 1, index, geometry));
      CHECK_FALSE(plausible(~std::uint64_t{0}, index, geometry));
    }
    CHECK(accepted == 1);
  }
}

TEST_CASE("a reader accepts exactly a version that did not change") {
  std::array<test::StagedAtomics::Word, 8> words{};
  const PublisherSlot<test::StagedAtomics> publisher{words.data(), 2};
  const SubscriberSlot<test::StagedAtomics> subscriber{words.data(), 2};
  publisher.open(1);
  CHECK(subscriber.version() == 1);
  publisher.begin();
  publisher.store_size(9);
  publisher.complete(1);
  CHECK(subscriber.version() == 2);
  CHECK(subscriber.size() == 9);
  std::uint64_t now = 0;
  CHECK(subscriber.unchanged(2, now));
  publisher.open(9);
  CHECK_FALSE(subscriber.unchanged(2, now));
  CHECK(now == 17);
  publisher.discard();
  CHECK(publisher.version() == 0);
}
