// SPDX-License-Identifier: BSL-1.0
//
// Every branch of RingSubscriber::next() and latest(), each reached at an exact operation, and the arithmetic
// of versions. The operations of next() on a message of three words are: 0 version, 1 size, 2 to 4 payload, 5
// fence, 6 version again; after an overrun there 7 fence, 8 head, then the same again from 9. Those of latest()
// begin with one for head. ring_exhaustive_test.cpp goes through all points; here each branch has its name.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

using namespace test;

namespace {

constexpr std::uint64_t reread = 6; // of next(); one later in latest()
constexpr std::uint64_t never = ~std::uint64_t{0};

/// One call, during which the publisher publishes a burst, and the message that it delivers.
struct Run {
  const char* name;
  std::uint64_t capacity;
  std::uint64_t published; // before the call
  std::uint64_t read;      // of these, each before the next one is published
  Read (*call)(RingSubscriber&);
  std::uint64_t at; // the operation before which the burst is published
  std::uint64_t burst;
  ResumePosition resume;
  std::uint64_t sequence; // of the delivered message
  std::uint64_t lost;
};

using enum ResumePosition;

constexpr std::array runs{
    Run{"overrun at the first load of the version: complete", 4, 9, 0, next, never, 0, half, 8, 7},
    Run{"overrun at the first load of the version: open", 4, 8, 0, next, never, 0, half, 7, 6},
    Run{"overrun at the second load of the version", 4, 1, 0, next, reread, 3, half, 3, 2},
    Run{"capacity - 2 more messages during a read do not disturb it", 4, 1, 0, next, reread, 2, half, 1, 0},
    Run{"overrun while the payload is copied", 4, 4, 1, next, 3, 2, half, 5,
        3}, // message 6 overwrites message 2
    Run{"resume half a ring behind the newest", 8, 20, 0, next, never, 0, half, 17, 16},
    Run{"resume at the newest", 8, 20, 0, next, never, 0, newest, 20, 19},
    Run{"resume at the oldest", 8, 20, 0, next, never, 0, oldest, 14, 13},
    Run{"capacity 2, half", 2, 6, 0, next, never, 0, half, 6, 5},
    Run{"capacity 2, newest", 2, 6, 0, next, never, 0, newest, 6, 5},
    Run{"capacity 2, oldest", 2, 6, 0, next, never, 0, oldest, 6, 5},
    Run{"latest() loads head again after an overrun", 4, 1, 0, latest, 1 + reread, 5, half, 6, 0},
    // 0 head, 1 version of message 4, then those of message 3.
    Run{"latest() loads head again after an overrun at its own message", 4, 3, 3, latest, 2 + reread, 7, half,
        10, 0},
};

} // namespace

TEST_CASE("a call that is overrun delivers the message at which it resumes, and counts the lost") {
  for (const Run& run : runs) {
    CAPTURE(std::string{run.name});
    StagedRing ring{run.capacity};
    auto subscriber = ring.subscriber(run.resume);
    for (std::uint64_t sequence = 1; sequence <= run.read; ++sequence) {
      ring.publish_one();
      is_message(next(subscriber), sequence, 0);
    }
    ring.publish(run.published - run.read);
    bool published = run.burst == 0;
    StagedPolicy::Staging staging;
    staging.before(run.at, [&] {
      ring.publish(run.burst);
      published = true;
    });
    is_message(run.call(subscriber), run.sequence, run.lost);
    CHECK(published);
  }
}

TEST_CASE("a new channel has nothing to deliver") {
  StagedRing ring{4};
  auto subscriber = ring.subscriber();
  CHECK(next(subscriber).result.status == ReadStatus::nothing);
  CHECK(latest(subscriber).result.status == ReadStatus::nothing);
  CHECK_FALSE(subscriber.ready());
  CHECK(subscriber.cursor() == 0);
  CHECK(subscriber.newest() == 0);
}

TEST_CASE("next() gives every message once, in order, with its publish time") {
  StagedRing ring{4, true};
  auto subscriber = ring.subscriber();
  for (std::uint64_t sequence = 1; sequence <= 9; ++sequence) {
    ring.publish_one();
    CHECK(subscriber.ready());
    const Read read = next(subscriber);
    is_message(read, sequence, 0);
    CHECK(read.result.time_ns == sequence * 10);
    CHECK(next(subscriber).result.status == ReadStatus::nothing);
  }
}

TEST_CASE("next() on a complete message loads six words and executes one fence") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  StagedPolicy::Staging staging;
  next(subscriber);
  CHECK(staging.operations() == reread + 1);
}

TEST_CASE("a batch ends before a message that was overwritten while it was copied") {
  // At each step of a call that copies three messages the publisher goes on, by one message or by a lap.
  for (const std::uint64_t more : {1U, 2U, 3U, 4U, 8U}) {
    for (std::uint64_t step = 1; step < 40; ++step) {
      CAPTURE(more);
      CAPTURE(step);
      StagedRing ring{4};
      ring.publish(3);
      auto subscriber = ring.subscriber();
      std::array<MessageWords, 3> messages{};
      seqcast::detail::ReadResult first;
      std::size_t count = 0;
      {
        StagedPolicy::Staging staging;
        staging.before_each([&](std::uint64_t k) {
          if (k == step) ring.publish(more);
        });
        const auto to = [&](std::size_t i) {
          return seqcast::detail::ExactDestination<>{static_cast<std::byte*>(static_cast<void*>(&messages[i])),
                                                     message_size};
        };
        count = subscriber.next_batch(messages.size(), to, first);
      }
      if (first.status == ReadStatus::message) {
        REQUIRE(count > 0);
        CHECK(first.sequence == first.lost + 1);
      }
      for (std::size_t i = 0; i < count; ++i) {
        CHECK(Read{{.sequence = first.sequence + i, .size = message_size}, messages[i]}.whole());
      }
      if (count > 0) CHECK(subscriber.cursor() == first.sequence + count - 1);
      const Read read = next(subscriber);
      if (read.result.status == ReadStatus::message) CHECK(read.whole());
    }
  }
}

TEST_CASE("next() reports an overrun after two attempts, keeps its cursor, and the next call counts all lost") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  {
    StagedPolicy::Staging staging;
    staging.before_each([&](std::uint64_t k) {
      if (k == reread || k == 11 + reread) ring.publish(4);
    });
    CHECK(next(subscriber).result.status == ReadStatus::overrun);
    CHECK(staging.operations() == 11 + reread + 3); // after the first one head and oldest once more
  }
  CHECK(subscriber.cursor() == 0);
  const Read read = next(subscriber);
  CHECK(read.whole());
  CHECK(read.result.lost == read.result.sequence - 1);
  CHECK(read.result.sequence > 5);
}

TEST_CASE("latest() reports an overrun after four attempts, and keeps its cursor") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  {
    StagedPolicy::Staging staging;
    // One overrun at each second load: 0 head, 1 version, ..., 7 version, 8 fence, 9 head, 10 head ...
    staging.before_each([&](std::uint64_t k) {
      if (k % 10 == 1 + reread) ring.publish(4);
    });
    CHECK(latest(subscriber).result.status == ReadStatus::overrun);
    CHECK(staging.operations() == 4 * 10);
  }
  CHECK(subscriber.cursor() == 0);
  is_message(latest(subscriber), 17, 0);
}

TEST_CASE(
    "one call is enough after an overrun when the publisher pauses, crashes or closes, wherever it stopped") {
  for (const ResumePosition resume : resume_positions) {
    for (const std::uint64_t capacity : {2U, 4U, 8U, 16U}) {
      for (std::uint64_t published = capacity; published <= 4 * capacity; ++published) {
        CAPTURE(capacity);
        CAPTURE(published);
        StagedRing ring{capacity};
        ring.publish(published);
        auto subscriber = ring.subscriber(resume);
        const Read read = next(subscriber);
        is_message(read, read.result.sequence, read.result.sequence - 1);
        CHECK(read.result.sequence == published - resume_behind(resume, capacity));
      }
    }
  }
}

TEST_CASE("a head that is one behind does not disturb a subscriber that resumes") {
  for (const ResumePosition resume : resume_positions) {
    for (std::uint64_t published = 8; published <= 24; ++published) {
      StagedRing ring{8};
      ring.publish(published - 1);
      {
        StagedPolicy::Staging staging;
        staging.crash_after(1 + message_words + 1); // size, payload, version: complete, but head was not stored
        ring.publish_one();
      }
      REQUIRE(ring.head() == published - 1);
      auto subscriber = ring.subscriber(resume);
      const Read read = next(subscriber);
      is_message(read, read.result.sequence, read.result.sequence - 1);
    }
  }
}

TEST_CASE(
    "between a message's completion and the store of head next() delivers it and latest() never goes back") {
  StagedRing ring{4};
  ring.publish(2);
  // publish(): 0 fence, 1 to 3 payload, 4 size, 5 complete, 6 head, 7 open, 8 prefetch.
  auto follower = ring.subscriber(half, 2);
  auto newcomer = ring.subscriber();
  bool acted = false;
  {
    StagedPolicy::Staging staging;
    staging.before(6, [&] {
      acted = true;
      REQUIRE(ring.head() == 2);
      CHECK(follower.newest() == 3);
      is_message(next(follower), 3, 0);
      is_message(latest(follower), 3, 0); // although head is 2
      is_message(latest(newcomer), 2, 0);
      is_message(next(newcomer), 3, 0);
      is_message(latest(newcomer), 3, 0);
      auto idle = ring.subscriber(half, 2);
      is_message(latest(idle), 3, 0); // tries the message after its cursor too
    });
    ring.publish_one();
  }
  CHECK(acted);
}

TEST_CASE("between the store of head and the opening of the next slot there is nothing to deliver") {
  StagedRing ring{4};
  ring.publish(6);
  auto subscriber = ring.subscriber(half, 6);
  bool acted = false;
  {
    StagedPolicy::Staging staging;
    staging.before(7, [&] {
      acted = true;
      REQUIRE(ring.head() == 7);
      REQUIRE(ring.version(8) == 8); // still message 4
      is_message(next(subscriber), 7, 0);
      CHECK(next(subscriber).result.status == ReadStatus::nothing);
      is_message(latest(subscriber), 7, 0);
    });
    ring.publish_one();
  }
  CHECK(acted);
}

TEST_CASE("latest() delivers the newest message repeatedly, and next() goes on after it") {
  StagedRing ring{8};
  ring.publish(5);
  auto subscriber = ring.subscriber();
  is_message(latest(subscriber), 5, 0);
  is_message(latest(subscriber), 5, 0);
  CHECK(next(subscriber).result.status == ReadStatus::nothing);
  ring.publish(2);
  is_message(next(subscriber), 6, 0);
  is_message(latest(subscriber), 7, 0);
}

TEST_CASE("capacity 2 under a publisher that never pauses: no call delivers anything wrong") {
  StagedRing ring{2};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  {
    StagedPolicy::Staging staging;
    staging.before_each([&](std::uint64_t) { ring.publish_one(); });
    for (int i = 0; i < 100; ++i) {
      CHECK(next(subscriber).result.status == ReadStatus::overrun);
      CHECK(latest(subscriber).result.status == ReadStatus::overrun);
    }
  }
  CHECK(subscriber.cursor() == 0);
  const Read read = next(subscriber);
  is_message(read, ring.publisher.head(), ring.publisher.head() - 1);
}

TEST_CASE(
    "a subscriber that joins late at the oldest message gets all that is there, and nothing counts as lost") {
  StagedRing ring{8};
  ring.publish(21);
  auto subscriber = ring.subscriber(half, 21 - 8 + 2 - 1);
  for (std::uint64_t sequence = 15; sequence <= 21; ++sequence) is_message(next(subscriber), sequence, 0);
  CHECK(next(subscriber).result.status == ReadStatus::nothing);
}

TEST_CASE("validate() accepts exactly a view whose version did not change") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  const detail::ExactDestination<> in_place{nullptr, message_size};
  const ReadResult view = subscriber.view(in_place);
  CHECK(view.status == ReadStatus::message);
  CHECK(view.sequence == 1);
  CHECK(subscriber.cursor() == 0);
  ring.publish(2);
  CHECK(subscriber.validate(view)); // capacity - 2 more messages
  CHECK(subscriber.cursor() == 1);
  const ReadResult newest_view = subscriber.latest_view(in_place);
  CHECK(newest_view.sequence == 3);
  CHECK(newest_view.lost == 0);
  ring.publish_one();
  CHECK_FALSE(subscriber.validate(view)); // its slot is open for message 5
  CHECK(subscriber.validate(newest_view));
  CHECK(subscriber.cursor() == 3);
}

TEST_CASE("version arithmetic") {
  using detail::complete_version, detail::newest_proven, detail::open_version, detail::sequence_of;
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
  using detail::plausible;
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    const detail::Geometry geometry{.capacity = capacity};
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
