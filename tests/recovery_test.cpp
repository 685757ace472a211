// SPDX-License-Identifier: BSL-1.0
//
// A publisher crashes after every single store, of publish() and of its take-over. Its successor goes on with
// the next sequence, no complete message is lost, and a subscriber that had the channel open all along does
// not notice.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

using namespace test;

namespace {

constexpr std::int64_t stores_of_publish = 1 + message_words + 3; // size, payload, version, head, next slot

/// A subscriber that reads all that is there. Each message is whole, of one of the authors, and none
/// is missing.
class Follower {
 public:
  explicit Follower(StagedRing& ring) : subscriber_{ring.subscriber(ResumePosition::oldest)} {}

  /// Gives the author of the last message.
  std::uint64_t drain() {
    for (;;) {
      const Read read = next(subscriber_);
      if (!read.delivered()) {
        CHECK(read.result.status == ReadStatus::nothing);
        return author_;
      }
      CHECK(read.result.lost == 0);
      CHECK(read.result.sequence == last_ + 1);
      last_ = read.result.sequence;
      for (author_ = 1; author_ <= 4 && !read.whole(author_); ++author_) {
      }
      CHECK(author_ <= 4);
    }
  }
  std::uint64_t last() const {
    return last_;
  }

 private:
  RingSubscriber subscriber_;
  std::uint64_t last_ = 0;
  std::uint64_t author_ = 0;
};

/// Publishes one message and crashes after `stores` stores of it.
void crash_publishing(StagedRing& ring, std::int64_t stores) {
  StagedPolicy::Staging staging;
  staging.crash_after(stores);
  ring.publish_one();
}

/// The next author takes over what is there.
void succeed(StagedRing& ring) {
  const auto head = ring.recovery().take_over();
  REQUIRE(head.has_value());
  ring.publisher = {ring.words.data(), ring.geometry, *head};
  ++ring.author;
}

/// That version(slot head + 1) is open and head is right: what an idle publisher leaves.
bool idle(StagedRing& ring, std::uint64_t head) {
  return ring.head() == head && ring.version(head + 1) == detail::open_version(head + 1) &&
         (head == 0 || ring.version(head) == detail::complete_version(head));
}

} // namespace

TEST_CASE("publish() makes the stores that these tests count") {
  StagedRing ring{4};
  StagedPolicy::Staging staging;
  staging.crash_after(100);
  ring.publish_one();
  CHECK(100 - staging.stores_left() == stores_of_publish);
}

TEST_CASE("a new region is what an idle publisher leaves") {
  StagedRing ring{4};
  CHECK(idle(ring, 0));
  CHECK(ring.oldest() == 1);
  const auto before = ring.contents();
  CHECK(ring.recovery().take_over() == 0);
  CHECK(ring.contents() == before);
}

TEST_CASE("after a crash at any store of publish() a successor goes on, and no complete message is lost") {
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    for (std::uint64_t published = 0; published <= 2 * capacity + 1; ++published) {
      for (std::int64_t stores = 0; stores <= stores_of_publish; ++stores) {
        CAPTURE(capacity);
        CAPTURE(published);
        CAPTURE(stores);
        StagedRing ring{capacity};
        Follower follower{ring};
        for (std::uint64_t i = 0; i < published; ++i) {
          ring.publish_one();
          follower.drain();
        }
        crash_publishing(ring, stores);
        const bool complete = stores >= 1 + static_cast<std::int64_t>(message_words) + 1;
        succeed(ring);
        CHECK(ring.publisher.head() == published + (complete ? 1 : 0));
        CHECK(idle(ring, ring.publisher.head()));
        if (complete) CHECK(follower.drain() == 1); // the crashed publisher's message, not another in its place
        for (int i = 0; i < 5; ++i) {
          ring.publish_one();
          CHECK(follower.drain() == 2);
        }
        CHECK(follower.last() == ring.publisher.head());
      }
    }
  }
}

TEST_CASE("two successors in a row may crash as well") {
  for (const std::uint64_t capacity : {2U, 4U}) {
    for (std::uint64_t published = 0; published <= capacity; ++published) {
      for (std::int64_t first = 0; first <= stores_of_publish; ++first) {
        for (std::int64_t second = 0; second <= stores_of_publish; ++second) {
          StagedRing ring{capacity};
          Follower follower{ring};
          for (std::uint64_t i = 0; i < published; ++i) {
            ring.publish_one();
            follower.drain();
          }
          crash_publishing(ring, first);
          follower.drain();
          succeed(ring);
          follower.drain();
          crash_publishing(ring, second);
          follower.drain();
          succeed(ring);
          follower.drain();
          ring.publish_one();
          CHECK(follower.drain() == 3);
          CHECK(follower.last() == ring.publisher.head());
          CHECK(idle(ring, ring.publisher.head()));
        }
      }
    }
  }
}

TEST_CASE("a successor may crash at any store of its take-over") {
  for (const std::uint64_t capacity : {2U, 4U}) {
    for (std::uint64_t published = 0; published <= capacity + 1; ++published) {
      for (std::int64_t first = 0; first <= stores_of_publish; ++first) {
        StagedRing undisturbed{capacity};
        undisturbed.publish(published);
        crash_publishing(undisturbed, first);
        succeed(undisturbed);
        for (std::int64_t second = 0; second <= 2; ++second) {
          StagedRing ring{capacity};
          ring.publish(published);
          crash_publishing(ring, first);
          {
            StagedPolicy::Staging staging;
            staging.crash_after(second);
            ring.recovery().take_over();
          }
          succeed(ring);
          CHECK(ring.contents() == undisturbed.contents());
          CHECK(ring.publisher.head() == undisturbed.publisher.head());
        }
      }
    }
  }
}

TEST_CASE("after a crash exactly a complete message is there, and subscribers before and after agree on it") {
  for (std::int64_t stores = 0; stores <= stores_of_publish; ++stores) {
    StagedRing ring{4};
    ring.publish(6);
    auto before = ring.subscriber(ResumePosition::half, 6);
    crash_publishing(ring, stores);
    auto during = ring.subscriber(ResumePosition::half, 6);
    const bool seen = next(during).delivered();
    succeed(ring);
    CHECK(next(before).delivered() == seen);
    CHECK((ring.publisher.head() == 7) == seen);
  }
}

TEST_CASE("a second take-over changes nothing") {
  StagedRing ring{8};
  ring.publish(11);
  crash_publishing(ring, 5);
  const auto first = ring.recovery().take_over();
  const auto contents = ring.contents();
  CHECK(ring.recovery().take_over() == first);
  CHECK(ring.contents() == contents);
}
