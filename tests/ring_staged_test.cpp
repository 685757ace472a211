// SPDX-License-Identifier: BSL-1.0
//
// Every branch of RingSubscriber::next() and latest(), each brought about at an exact operation. The operations
// of next() on a message of three words are: 0 version, 1 size, 2 to 4 payload, 5 fence, 6 version again, and
// after an overrun there 7 fence, 8 head, then the same again from 9. Those of latest() begin with one for
// head. ring_exhaustive_test.cpp goes through all points; here each has its name.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

using namespace test;

namespace {

constexpr std::uint64_t reread = 6; // of next(); one later in latest()

} // namespace

TEST_CASE("a new channel has nothing to say") {
  StagedRing ring{4};
  auto subscriber = ring.subscriber();
  CHECK(next(subscriber).taken.outcome == Outcome::nothing);
  CHECK(latest(subscriber).taken.outcome == Outcome::nothing);
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
    CHECK(read.taken.time_ns == sequence * 10);
    CHECK(next(subscriber).taken.outcome == Outcome::nothing);
  }
}

TEST_CASE("next() on the message just reads seven words and a fence, as the file says") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  StagedAtomics::Staging staging;
  next(subscriber);
  CHECK(staging.operations() == reread + 1);
}

TEST_CASE("an overrun seen at the first version resumes half a ring behind the newest") {
  StagedRing ring{4};
  auto subscriber = ring.subscriber();
  SUBCASE("with message 9 complete in the slot of message 1") {
    ring.publish(9);
    is_message(next(subscriber), 8, 7);
  }
  SUBCASE("with the slot of message 1 open for message 9") {
    ring.publish(8);
    is_message(next(subscriber), 7, 6);
  }
}

TEST_CASE("an overrun seen at the re-read throws the copy away") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  StagedAtomics::Staging staging;
  staging.before(reread, [&] { ring.publish(3); });
  is_message(next(subscriber), 3, 2);
}

TEST_CASE("capacity - 2 more messages during a read do not disturb it") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  StagedAtomics::Staging staging;
  staging.before(reread, [&] { ring.publish(2); });
  is_message(next(subscriber), 1, 0);
}

TEST_CASE("an overrun while the slot is being filled is seen at the re-read") {
  StagedRing ring{4};
  ring.publish(4);
  auto subscriber = ring.subscriber(ResumeAt::half, 1);
  StagedAtomics::Staging staging;
  staging.before(3, [&] { ring.publish(2); }); // message 6 goes into the slot of message 2
  is_message(next(subscriber), 5, 3);
}

TEST_CASE("next() gives up after two overruns, keeps its cursor, and counts everything the next time") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  {
    StagedAtomics::Staging staging;
    staging.before_each([&](std::uint64_t k) {
      if (k == reread || k == 9 + reread) ring.publish(4);
    });
    CHECK(next(subscriber).taken.outcome == Outcome::overrun);
    CHECK(staging.operations() == 2 * (reread + 3));
  }
  CHECK(subscriber.cursor() == 0);
  const Read read = next(subscriber);
  CHECK(read.whole());
  CHECK(read.taken.lost == read.taken.sequence - 1);
  CHECK(read.taken.sequence > 5);
}

TEST_CASE("next() resumes where it was told to") {
  StagedRing ring{8};
  ring.publish(20); // the slot of message 1 holds message 17, that of message 21 is open
  SUBCASE("half a ring back") {
    auto subscriber = ring.subscriber(ResumeAt::half);
    is_message(next(subscriber), 17, 16);
  }
  SUBCASE("at the newest") {
    auto subscriber = ring.subscriber(ResumeAt::newest);
    is_message(next(subscriber), 20, 19);
  }
  SUBCASE("at the oldest") {
    auto subscriber = ring.subscriber(ResumeAt::oldest);
    is_message(next(subscriber), 14, 13);
  }
}

TEST_CASE(
    "one call is enough after an overrun when the publisher pauses, dies or closes, wherever it stopped") {
  for (const ResumeAt resume : {ResumeAt::half, ResumeAt::newest, ResumeAt::oldest}) {
    for (const std::uint64_t capacity : {2U, 4U, 8U, 16U}) {
      for (std::uint64_t published = capacity; published <= 4 * capacity; ++published) {
        CAPTURE(capacity);
        CAPTURE(published);
        StagedRing ring{capacity};
        ring.publish(published);
        auto subscriber = ring.subscriber(resume);
        const Read read = next(subscriber);
        is_message(read, read.taken.sequence, read.taken.sequence - 1);
        if (resume == ResumeAt::half) CHECK(read.taken.sequence == published - capacity / 2 + 1);
        if (resume == ResumeAt::newest) CHECK(read.taken.sequence == published);
        if (resume == ResumeAt::oldest) CHECK(read.taken.sequence == published - capacity + 2);
      }
    }
  }
}

TEST_CASE("a head that is one behind does no harm to a subscriber that resumes") {
  for (const ResumeAt resume : {ResumeAt::half, ResumeAt::newest, ResumeAt::oldest}) {
    for (std::uint64_t published = 8; published <= 24; ++published) {
      StagedRing ring{8};
      ring.publish(published - 1);
      {
        StagedAtomics::Staging staging;
        staging.die_after(1 + message_words + 1); // size, payload, version: complete, but head was never moved
        ring.publish_one();
      }
      REQUIRE(ring.head() == published - 1);
      auto subscriber = ring.subscriber(resume);
      const Read read = next(subscriber);
      is_message(read, read.taken.sequence, read.taken.sequence - 1);
    }
  }
}

TEST_CASE("capacity 2: half, newest and oldest are all the newest") {
  for (const ResumeAt resume : {ResumeAt::half, ResumeAt::newest, ResumeAt::oldest}) {
    StagedRing ring{2};
    ring.publish(6);
    auto subscriber = ring.subscriber(resume);
    is_message(next(subscriber), 6, 5);
  }
}

TEST_CASE(
    "between a message's completion and the moving of head, next() gives it and latest() never goes back") {
  StagedRing ring{4};
  ring.publish(2);
  // publish(): 0 fence, 1 size, 2 to 4 payload, 5 complete, 6 head, 7 open, 8 prefetch.
  auto follower = ring.subscriber(ResumeAt::half, 2);
  auto newcomer = ring.subscriber();
  bool acted = false;
  {
    StagedAtomics::Staging staging;
    staging.before(6, [&] {
      acted = true;
      REQUIRE(ring.head() == 2);
      CHECK(follower.newest() == 3);
      is_message(next(follower), 3, 0);
      is_message(latest(follower), 3, 0); // head says 2
      is_message(latest(newcomer), 2, 0);
      is_message(next(newcomer), 3, 0);
      is_message(latest(newcomer), 3, 0);
      auto idle = ring.subscriber(ResumeAt::half, 2);
      is_message(latest(idle), 3, 0); // looks past head
    });
    ring.publish_one();
  }
  CHECK(acted);
}

TEST_CASE("between head and the opening of the next slot there is simply nothing more") {
  StagedRing ring{4};
  ring.publish(6);
  auto subscriber = ring.subscriber(ResumeAt::half, 6);
  bool acted = false;
  {
    StagedAtomics::Staging staging;
    staging.before(7, [&] {
      acted = true;
      REQUIRE(ring.head() == 7);
      REQUIRE(ring.version(8) == 8); // still message 4
      is_message(next(subscriber), 7, 0);
      CHECK(next(subscriber).taken.outcome == Outcome::nothing);
      is_message(latest(subscriber), 7, 0);
    });
    ring.publish_one();
  }
  CHECK(acted);
}

TEST_CASE("latest() gives the newest, again and again, and next() goes on after it") {
  StagedRing ring{8};
  ring.publish(5);
  auto subscriber = ring.subscriber();
  is_message(latest(subscriber), 5, 0);
  is_message(latest(subscriber), 5, 0);
  CHECK(next(subscriber).taken.outcome == Outcome::nothing);
  ring.publish(2);
  is_message(next(subscriber), 6, 0);
  is_message(latest(subscriber), 7, 0);
}

TEST_CASE("latest() that is overrun reads head again") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  StagedAtomics::Staging staging;
  staging.before(1 + reread, [&] { ring.publish(5); });
  is_message(latest(subscriber), 6, 0);
}

TEST_CASE("latest() that is overrun while it reads its own message again reads head again") {
  StagedRing ring{4};
  ring.publish(3);
  auto subscriber = ring.subscriber(ResumeAt::half, 2);
  is_message(next(subscriber), 3, 0);
  StagedAtomics::Staging staging;
  staging.before(2 + reread, [&] { ring.publish(7); }); // 0 head, 1 version of message 4, then message 3's own
  is_message(latest(subscriber), 10, 0);
}

TEST_CASE("latest() gives up after four overruns, and the cursor stays") {
  StagedRing ring{4};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  {
    StagedAtomics::Staging staging;
    // One overrun at each re-read: 0 head, 1 version, ..., 7 version, 8 fence, 9 head ...
    staging.before_each([&](std::uint64_t k) {
      if (k % 9 == 1 + reread) ring.publish(4);
    });
    CHECK(latest(subscriber).taken.outcome == Outcome::overrun);
    CHECK(staging.operations() == 4 * 9);
  }
  CHECK(subscriber.cursor() == 0);
  is_message(latest(subscriber), 17, 0);
}

TEST_CASE("capacity 2 under a publisher that never pauses gives nothing, or what is right") {
  StagedRing ring{2};
  ring.publish_one();
  auto subscriber = ring.subscriber();
  {
    StagedAtomics::Staging staging;
    staging.before_each([&](std::uint64_t) { ring.publish_one(); });
    for (int i = 0; i < 100; ++i) {
      CHECK(next(subscriber).taken.outcome == Outcome::overrun);
      CHECK(latest(subscriber).taken.outcome == Outcome::overrun);
    }
  }
  CHECK(subscriber.cursor() == 0);
  const Read read = next(subscriber);
  is_message(read, ring.publisher.head(), ring.publisher.head() - 1);
}

TEST_CASE("whoever joins late at the oldest gets all that is there, and none of it counts as lost") {
  StagedRing ring{8};
  ring.publish(21);
  auto subscriber = ring.subscriber(ResumeAt::half, 21 - 8 + 2 - 1);
  for (std::uint64_t sequence = 15; sequence <= 21; ++sequence) is_message(next(subscriber), sequence, 0);
  CHECK(next(subscriber).taken.outcome == Outcome::nothing);
}
