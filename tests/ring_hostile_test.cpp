// SPDX-License-Identifier: BSL-1.0
//
// A subscriber of a region that no honest publisher leaves: it reports that in a bounded number of steps, and
// copies nothing outside the message. Every word that a subscriber reads is made wrong in turn.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

#include <limits>

using namespace test;

namespace {

constexpr std::uint64_t two_to_63 = std::uint64_t{1} << 63;

} // namespace

TEST_CASE("a message of an impossible size is passed over and counts as lost") {
  StagedRing ring{8};
  ring.publish(5);
  auto subscriber = ring.subscriber();
  is_message(next(subscriber), 1, 0);
  SUBCASE("longer than any message may be") {
    ring.slot_word(2, detail::size_word) = detail::pack_size(message_size + 1);
  }
  SUBCASE("the longest that the field can tell") {
    ring.slot_word(2, detail::size_word) = std::numeric_limits<std::uint64_t>::max();
  }
  SUBCASE("not the size of the type") {
    ring.slot_word(2, detail::size_word) = detail::pack_size(message_size - 1);
  }
  const Read read = next(subscriber);
  CHECK(read.result.status == ReadStatus::wrong_size);
  CHECK(read.words == MessageWords{}); // nothing was copied
  CHECK(subscriber.cursor() == 2);
  is_message(next(subscriber), 3, 1);
}

TEST_CASE("two impossible sizes in a row count as two lost") {
  StagedRing ring{8};
  ring.publish(5);
  auto subscriber = ring.subscriber();
  is_message(next(subscriber), 1, 0);
  ring.slot_word(2, detail::size_word) = ring.slot_word(3, detail::size_word) = 0;
  CHECK(next(subscriber).result.status == ReadStatus::wrong_size);
  CHECK(next(subscriber).result.status == ReadStatus::wrong_size);
  is_message(next(subscriber), 4, 2);
}

TEST_CASE("latest() passes over a message of an impossible size, and goes on") {
  StagedRing ring{8};
  ring.publish(5);
  ring.slot_word(5, detail::size_word) = detail::pack_size(message_size + 1);
  auto subscriber = ring.subscriber();
  CHECK(latest(subscriber).result.status == ReadStatus::wrong_size);
  CHECK(subscriber.cursor() == 5);
  ring.publish_one();
  CHECK(latest(subscriber).result.sequence == 6);
}

TEST_CASE("a message longer than the buffer stays unread, and its size is reported") {
  StagedRing ring{8};
  ring.publish(2);
  auto subscriber = ring.subscriber();
  std::array<std::byte, message_size> bytes{};
  for (int i = 0; i < 2; ++i) {
    const ReadResult result = subscriber.next(detail::BufferDestination{bytes.data(), message_size - 1});
    CHECK(result.status == ReadStatus::buffer_too_small);
    CHECK(result.size == message_size);
    CHECK(subscriber.cursor() == 0);
    CHECK(bytes == std::array<std::byte, message_size>{});
  }
  CHECK(subscriber.latest(detail::BufferDestination{bytes.data(), 0}).status == ReadStatus::buffer_too_small);
  CHECK(subscriber.cursor() == 0);
  const ReadResult result = subscriber.next(detail::BufferDestination{bytes.data(), message_size});
  is_message(finish(result, bytes), 1, 0);
}

TEST_CASE("a size above the maximum is never copied, however large the buffer is") {
  StagedRing ring{2};
  ring.publish_one();
  ring.slot_word(1, detail::size_word) = detail::pack_size(message_size + 8);
  auto subscriber = ring.subscriber();
  std::array<std::byte, 4096> bytes{};
  CHECK(subscriber.next(detail::BufferDestination{bytes.data(), bytes.size()}).status ==
        ReadStatus::wrong_size);
  CHECK(bytes == std::array<std::byte, 4096>{});
}

TEST_CASE("a version that no publisher stores in that slot is corrupt") {
  StagedRing ring{4};
  ring.publish_one();
  SUBCASE("of another slot") {
    ring.version(1) = 2 * 10;
  }
  SUBCASE("open for a message of another slot") {
    ring.version(1) = 2 * 8 - 1;
  }
  SUBCASE("2^63, of the right residue") {
    ring.version(1) = two_to_63 + 2;
  }
  SUBCASE("the largest there is") {
    ring.version(1) = std::numeric_limits<std::uint64_t>::max();
  }
  SUBCASE("far ahead of every other slot") {
    ring.version(1) = 2 * (4 * 1000 + 1);
  }
  const auto before = ring.contents();
  auto subscriber = ring.subscriber();
  CHECK(subscriber.ready()); // there is something to report
  CHECK(next(subscriber).result.status == ReadStatus::corrupt);
  CHECK(subscriber.cursor() == 0);
  CHECK(ring.contents() == before);
}

TEST_CASE("a version that decreases during a read is corrupt") {
  StagedRing ring{4};
  ring.publish(5);
  auto subscriber = ring.subscriber(ResumePosition::half, 4);
  for (const std::uint64_t lower : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{9}}) {
    StagedPolicy::Staging staging;
    staging.before(6, [&] { ring.version(5) = lower; });
    CHECK(next(subscriber).result.status == ReadStatus::corrupt);
    CHECK(subscriber.cursor() == 4);
    ring.version(5) = 10;
  }
  is_message(next(subscriber), 5, 0);
}

TEST_CASE("an implausible head is corrupt for latest(), and lag ignores it") {
  StagedRing ring{4};
  ring.publish(3);
  auto subscriber = ring.subscriber();
  SUBCASE("2^62") {
    ring.head() = detail::sequence_limit;
  }
  SUBCASE("the largest there is") {
    ring.head() = std::numeric_limits<std::uint64_t>::max();
  }
  CHECK(latest(subscriber).result.status == ReadStatus::corrupt);
  CHECK(subscriber.newest() == 0);
  CHECK(subscriber.cursor() == 0);
  is_message(next(subscriber), 1, 0); // which does not need head
}

TEST_CASE("a head one below the limit does not make the newest sequence reach it") {
  StagedRing ring{4};
  ring.head() = detail::sequence_limit - 1;
  ring.version(4) = detail::complete_version(detail::sequence_limit); // which lies in the same slot
  CHECK(ring.subscriber().newest() < detail::sequence_limit);
}

TEST_CASE("a head whose version would overflow to a stored one is corrupt for latest()") {
  StagedRing ring{4};
  ring.publish_one();
  ring.head() = two_to_63 + 1; // twice that is 2, the version of message 1
  auto subscriber = ring.subscriber();
  CHECK(latest(subscriber).result.status == ReadStatus::corrupt);
  CHECK(subscriber.cursor() == 0);
}

TEST_CASE("a head ahead of the slots is corrupt for latest()") {
  StagedRing ring{4};
  ring.publish(3);
  for (const std::uint64_t ahead : {std::uint64_t{4}, std::uint64_t{5}, detail::sequence_limit - 1}) {
    ring.head() = ahead;
    auto subscriber = ring.subscriber();
    CHECK(latest(subscriber).result.status == ReadStatus::corrupt);
    CHECK(subscriber.cursor() == 0);
  }
}

TEST_CASE("a message that was delivered and is no longer there is corrupt for latest()") {
  StagedRing ring{4};
  ring.publish(3);
  auto subscriber = ring.subscriber(ResumePosition::half, 2);
  is_message(next(subscriber), 3, 0);
  ring.version(3) = 5;
  ring.head() = 2;
  CHECK(latest(subscriber).result.status == ReadStatus::corrupt);
}

TEST_CASE("a message that latest() delivers after it was passed over for its size no longer counts as lost") {
  StagedRing ring{4};
  ring.publish(1);
  auto subscriber = ring.subscriber();
  const std::uint64_t size = ring.slot_word(1, detail::size_word);
  ring.slot_word(1, detail::size_word) = detail::pack_size(1 << 30);
  CHECK(next(subscriber).result.status == ReadStatus::wrong_size);
  ring.slot_word(1, detail::size_word) = size;
  is_message(latest(subscriber), 1, 0);
  ring.publish(1);
  is_message(next(subscriber), 2, 0);
}

TEST_CASE("a head behind what the slots prove is corrupt, and no overrun that is reported for ever") {
  for (const ResumePosition resume : {ResumePosition::half, ResumePosition::newest, ResumePosition::oldest}) {
    StagedRing ring{4};
    ring.publish(9); // slots: complete for 9, 7 and 8, and open for 10
    for (const std::uint64_t behind : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{7}}) {
      ring.head() = behind;
      auto subscriber = ring.subscriber(resume);
      StagedPolicy::Staging staging;
      CHECK(next(subscriber).result.status == ReadStatus::corrupt);
      if (behind < 5) CHECK(latest(subscriber).result.status == ReadStatus::corrupt);
      CHECK(staging.operations() <= 20);
    }
    ring.head() = 8; // as a publisher leaves it that is killed between the version and head
    auto subscriber = ring.subscriber(resume);
    CHECK(next(subscriber).delivered());
  }
}

TEST_CASE("a head ahead of the slots is corrupt for a subscriber that resumes after an overrun") {
  StagedRing ring{4};
  ring.publish(9);
  auto subscriber = ring.subscriber();
  for (const std::uint64_t head : {std::uint64_t{20}, detail::sequence_limit - 1, detail::sequence_limit}) {
    ring.head() = head;
    CHECK(next(subscriber).result.status == ReadStatus::corrupt);
    CHECK(subscriber.cursor() == 0);
  }
  ring.head() = 9;
  is_message(next(subscriber), 8, 7);
}

TEST_CASE("whatever one word of the region contains, calls end soon and the cursor does not go back") {
  const std::array<std::uint64_t, 14> values{0,
                                             1,
                                             2,
                                             3,
                                             7,
                                             8,
                                             9,
                                             20,
                                             41,
                                             two_to_63 - 1,
                                             two_to_63,
                                             two_to_63 / 2,
                                             two_to_63 / 2 - 1,
                                             std::numeric_limits<std::uint64_t>::max()};
  StagedRing ring{4};
  ring.publish(7);
  std::uint64_t calls = 0;
  for (std::size_t word = 0; word < ring.words.size(); ++word) {
    for (const std::uint64_t value : values) {
      const std::uint64_t honest = std::exchange(ring.words[word].value, value);
      for (std::uint64_t cursor = 0; cursor <= 8; ++cursor) {
        auto subscriber = ring.subscriber(ResumePosition::half, cursor);
        StagedPolicy::Staging staging;
        next(subscriber);
        CHECK(staging.operations() <= 20);
        CHECK(subscriber.cursor() >= cursor);
        const std::uint64_t reached = subscriber.cursor();
        latest(subscriber);
        CHECK(staging.operations() <= 100);
        CHECK(subscriber.cursor() >= reached);
        calls += 2;
        // Nobody publishes, so each call but the last few gives a message or passes one over.
        int reports = 0;
        while (subscriber.ready() && next(subscriber).result.status != ReadStatus::corrupt) ++reports;
        CHECK(reports <= 4);
      }
      ring.words[word].value = honest;
    }
  }
  CHECK(calls == ring.words.size() * values.size() * 18);
}
