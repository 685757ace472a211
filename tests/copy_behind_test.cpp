// SPDX-License-Identifier: BSL-1.0
//
// Messages that are copied while they are written (copy_behind): whole, bounded, and never a mix of
// two publishers.
#include <doctest/doctest.h>
#include <seqcast/detail/recovery.hpp>
#include <seqcast/seqcast.hpp>
#include "support/staged_policy.hpp"
#include "support/temporary.hpp"
#include "support/watchdog.hpp"

#include <thread>

using namespace seqcast;
using namespace seqcast::detail;
using test::StagedPolicy;
using test::TemporaryFolder;

namespace {

constexpr std::uint32_t size = 256; // four chunks of StagedPolicy

/// A ring with progress words; one thread plays both sides.
struct Staged {
  Geometry geometry{.slots_word = header_size / word_size,
                    .stride_words = 40,
                    .capacity = 4,
                    .payload_word = 3,
                    .max_message_size = size,
                    .progress_word = progress_word_untimed};
  std::vector<StagedPolicy::Word> words{header_size / word_size + 160};
  RingPublisher<StagedPolicy> publisher = [&] {
    Recovery<StagedPolicy>{words.data(), geometry}.create();
    return RingPublisher<StagedPolicy>{words.data(), geometry, 0};
  }();
  RingSubscriber<StagedPolicy> subscriber{words.data(), geometry, 0, 1, 1};

  void publish(std::uint8_t content, std::uint32_t bytes = size) {
    const std::vector<std::byte> message(bytes, std::byte{content});
    publisher.publish(message.data(), bytes, 0);
  }
  ReadResult next(std::array<std::byte, size>& buffer) {
    return subscriber.next(BufferDestination{buffer.data(), buffer.size()});
  }
};

bool all_are(std::span<const std::byte> bytes, std::uint8_t content) {
  return std::all_of(bytes.begin(), bytes.end(), [&](std::byte byte) { return byte == std::byte{content}; });
}

} // namespace

TEST_CASE("a subscriber that reads before any one operation of publish() gets the whole message or nothing") {
  std::size_t followed = 0;
  for (std::uint64_t at = 0; at < 50; ++at) {
    Staged ring;
    ring.publish(1);
    ring.publish(2);
    std::array<std::byte, size> buffer{};
    CHECK(ring.next(buffer).sequence == 1);
    CHECK(ring.next(buffer).sequence == 2);
    StagedPolicy::Staging staging;
    staging.before(at, [&] {
      const ReadResult result = ring.next(buffer);
      if (result.status == ReadStatus::message) CHECK(all_are(buffer, 3));
      if (result.status == ReadStatus::message) ++followed;
    });
    ring.publish(3);
  }
  CHECK(followed > 0);
}

TEST_CASE("a message that one publisher begins and its successor publishes is delivered as one of both") {
  // During the subscriber's call a successor takes over from a crashed publisher, and publishes other content.
  for (std::int64_t stores = 0; stores < 40; ++stores) {
    for (std::uint64_t at = 0; at < 60; ++at) {
      Staged ring;
      {
        StagedPolicy::Staging crashing;
        crashing.crash_after(stores);
        ring.publish(1);
      }
      std::array<std::byte, size> buffer{};
      ReadResult result;
      {
        StagedPolicy::Staging staging;
        staging.before(at, [&] {
          const auto head = Recovery<StagedPolicy>{ring.words.data(), ring.geometry}.take_over();
          REQUIRE(head);
          PublisherHeader<StagedPolicy>{ring.words.data()}.store_epoch(2, *head + 1);
          ring.publisher = RingPublisher<StagedPolicy>{ring.words.data(), ring.geometry, *head};
          ring.publish(2);
        });
        result = ring.next(buffer);
      }
      if (result.status != ReadStatus::message) continue;
      CAPTURE(stores);
      CAPTURE(at);
      const bool one_of_both = all_are(buffer, 1) || all_are(buffer, 2);
      CHECK(one_of_both);
    }
  }
}

TEST_CASE("a progress that an earlier message left is not followed, after a publisher that stores none") {
  // One that does not know the flag of copy_behind, which is a compatible one, leaves progress words alone.
  for (std::uint64_t at = 0; at < 60; ++at) {
    CAPTURE(at);
    Staged ring;
    for (std::uint8_t content = 1; content <= 4; ++content) ring.publish(content);
    Geometry without = ring.geometry;
    without.progress_word = 0;
    const auto head = Recovery<StagedPolicy>{ring.words.data(), without}.take_over();
    REQUIRE(head);
    ring.publisher = RingPublisher<StagedPolicy>{ring.words.data(), without, *head};
    ring.publish(5); // and opens the slot of message 2 for message 6
    ring.subscriber.seek(6);
    std::array<std::byte, size> buffer{};
    ReadResult result;
    {
      StagedPolicy::Staging staging;
      staging.before(at, [&] { ring.publish(6); });
      result = ring.next(buffer);
    }
    if (result.status == ReadStatus::message) CHECK(all_are(buffer, 6));
  }
}

TEST_CASE("a message that stays half written is not delivered, after a bounded number of steps") {
  Staged ring;
  {
    StagedPolicy::Staging crashing;
    crashing.crash_after(20); // within the second chunk
    ring.publish(1);
  }
  std::array<std::byte, size> buffer{};
  StagedPolicy::Staging staging;
  CHECK(ring.next(buffer).status == ReadStatus::nothing);
  CHECK(staging.operations() < 200);
}

TEST_CASE("a hostile publisher cannot lengthen a call by raising the progress before a subscriber gives up") {
  // Each poll loads the version and the progress. Every `nth` of them finds `more` bytes than before.
  constexpr std::uint64_t chunks = size / StagedPolicy::chunk_size();
  constexpr std::uint64_t most_polls = StagedPolicy::max_polls() * (chunks + 1);
  constexpr std::uint64_t outside_the_loop = 10; // operations: what is loaded before the copy and after it
  for (const std::uint32_t more : {8U, 16U, 56U, 64U}) {
    for (const std::uint64_t nth : {1U, 2U, 3U, 4U}) {
      CAPTURE(more);
      CAPTURE(nth);
      Staged ring;
      StagedPolicy::Word* const slot = ring.words.data() + ring.geometry.slots_word;
      slot[size_word].value = pack_size(size);
      std::uint32_t stored = 8;
      slot[progress_word_untimed].value = pack_progress(1, stored);
      std::array<std::byte, size> buffer{};
      StagedPolicy::Staging staging;
      staging.before_each([&](std::uint64_t operation) {
        if (operation % (2 * nth) != 0 || stored + more > size) return;
        stored += more;
        slot[progress_word_untimed].value = pack_progress(1, stored);
      });
      CHECK(ring.next(buffer).status == ReadStatus::nothing);
      CHECK(staging.operations() <= 2 * most_polls + size / word_size + outside_the_loop);
    }
  }
}

TEST_CASE("a hostile progress or size delivers nothing") {
  for (const std::uint64_t progress :
       {pack_progress(1, 8), pack_progress(1, size + 8), pack_progress(1, 0xFFFF'FFFF), pack_progress(2, 64)}) {
    for (const std::uint32_t claimed : {0U, 8U, size, size + 1, 0xFFFF'FFFFU}) {
      Staged ring;
      StagedPolicy::Word* const slot = ring.words.data() + ring.geometry.slots_word;
      slot[size_word].value = pack_size(claimed);
      slot[progress_word_untimed].value = progress;
      std::array<std::byte, size> buffer{};
      CHECK(ring.next(buffer).status == ReadStatus::nothing);
      CHECK(ring.subscriber.cursor() == 0);
    }
  }
}

TEST_CASE("copy_behind is a property of the channel, for typed messages, with and without timestamps") {
  struct Large {
    std::array<std::uint64_t, 5000> words;
  };
  for (const bool timestamps : {false, true}) {
    const TemporaryFolder folder;
    Publisher<Large> publisher{folder.channel(),
                               {.capacity = 4, .timestamps = timestamps, .copy_behind = true}};
    Subscriber<Large> subscriber{folder.channel()};
    const auto message = std::make_unique<Large>();
    for (std::uint64_t i = 1; i <= 9; ++i) {
      message->words.fill(i);
      publisher.publish(*message);
      const auto received = subscriber.next(*message);
      REQUIRE(received);
      CHECK(received->sequence == i);
      CHECK(received->published_at.has_value() == timestamps);
      CHECK(std::all_of(message->words.begin(), message->words.end(),
                        [&](std::uint64_t word) { return word == i; }));
    }
  }
  const TemporaryFolder folder;
  { const Publisher<Large> made{folder.channel()}; }
  seqcast::Error error;
  CHECK_FALSE(Publisher<Large>::open(folder.channel(), {.copy_behind = true}, error));
  CHECK(error == Errc::wrong_identity);
}

TEST_CASE("every message that is delivered under a publisher that never pauses is whole") {
  const test::Watchdog watchdog{"copying behind a publisher"};
  constexpr std::size_t largest = 100'000;
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 4, .max_message_size = largest, .copy_behind = true}};
  ByteSubscriber subscriber{folder.channel()};
  std::atomic<bool> stop{false};
  std::jthread sending{[&] {
    std::vector<std::byte> message(largest);
    for (std::uint64_t i = 1; !stop; ++i) {
      std::fill(message.begin(), message.end(), std::byte(i % 251));
      publisher.publish(std::span{message}.first(1000 + i * 7919 % (largest - 1000)));
    }
  }};
  std::uint64_t received = 0;
  std::uint64_t last = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
  while (received == 0 || std::chrono::steady_clock::now() < end) {
    watchdog.check();
    const auto message = subscriber.next();
    if (!message) continue;
    ++received;
    CHECK(message->sequence == last + 1 + message->lost);
    last = message->sequence;
    CHECK(message->message.size() == 1000 + last * 7919 % (largest - 1000));
    const bool whole = all_are(message->message, static_cast<std::uint8_t>(last % 251));
    CHECK(whole);
  }
  stop = true;
  MESSAGE("received ", received, " messages");
}
