// SPDX-License-Identifier: BSL-1.0
//
// Every point at which the other side can act during a call, for small rings: a burst of messages before every
// single operation of next() and latest(), before every pair of operations, and a subscriber's call before
// every operation of publish(). What is delivered is whole and in order, and nothing is lost uncounted.
#include <doctest/doctest.h>
#include "support/staged_ring.hpp"

using namespace test;

namespace {

using Call = Read (*)(RingSubscriber&);

/// What one subscriber has seen: delivered, lost, and skipped by latest().
struct Ledger {
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::uint64_t skipped = 0;
  std::uint64_t previous = 0;
  bool right = true;

  void note_next(const Read& read) {
    if (!read.delivered()) return;
    right = right && read.whole() && read.result.sequence == previous + 1 + read.result.lost;
    ++received;
    lost += read.result.lost;
    previous = read.result.sequence;
  }
  void note_latest(const Read& read) {
    if (!read.delivered()) return;
    right = right && read.whole() && read.result.sequence >= previous && read.result.lost == 0;
    if (read.result.sequence == previous) return;
    ++received;
    skipped += read.result.sequence - previous - 1;
    previous = read.result.sequence;
  }
  void drain(RingSubscriber& subscriber, std::uint64_t published) {
    while (right && previous < published) {
      const Read read = next(subscriber);
      right = read.delivered(); // the publisher pauses, so every call delivers
      note_next(read);
    }
    right = right && received + lost + skipped == published;
  }
};

struct Trial {
  std::uint64_t capacity;
  ResumePosition resume;
  std::uint64_t backlog; // messages before the call
  bool newest;           // latest(), not next()
};

template <class Run>
void for_each_trial(const Run& run) {
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    for (const ResumePosition resume : {ResumePosition::half, ResumePosition::newest, ResumePosition::oldest}) {
      for (const std::uint64_t backlog :
           {std::uint64_t{0}, std::uint64_t{1}, capacity - 1, capacity, 3 * capacity}) {
        run(Trial{capacity, resume, backlog, false});
        run(Trial{capacity, resume, backlog, true});
      }
    }
  }
}

std::array<std::uint64_t, 5> bursts_of(std::uint64_t capacity) {
  return {1, capacity - 1, capacity, capacity + 1, 3 * capacity};
}

/// One call with `first` messages published before operation `at` and `second` before operation `then`. Gives
/// how many operations the call took.
std::uint64_t try_one(const Trial& trial, std::uint64_t at, std::uint64_t first, std::uint64_t then,
                      std::uint64_t second, bool& right) {
  StagedRing ring{trial.capacity};
  ring.publish(trial.backlog);
  auto subscriber = ring.subscriber(trial.resume);
  Ledger ledger;
  std::uint64_t operations = 0;
  {
    StagedPolicy::Staging staging;
    staging.before_each([&](std::uint64_t k) {
      if (k == at) ring.publish(first);
      if (k == then) ring.publish(second);
    });
    if (trial.newest) {
      ledger.note_latest(latest(subscriber));
    } else {
      ledger.note_next(next(subscriber));
    }
    operations = staging.operations();
  }
  ledger.drain(subscriber, ring.publisher.head());
  right = right && ledger.right;
  return operations;
}

} // namespace

TEST_CASE("a burst before any one operation of next() or latest() loses nothing uncounted") {
  std::uint64_t tried = 0;
  for_each_trial([&](const Trial& trial) {
    for (const std::uint64_t burst : bursts_of(trial.capacity)) {
      std::uint64_t operations = 1;
      for (std::uint64_t at = 0; at < operations; ++at, ++tried) {
        bool right = true;
        operations = try_one(trial, at, burst, at, 0, right);
        CAPTURE(trial.capacity);
        CAPTURE(static_cast<int>(trial.resume));
        CAPTURE(trial.backlog);
        CAPTURE(trial.newest);
        CAPTURE(burst);
        CAPTURE(at);
        CHECK(right);
      }
    }
  });
  MESSAGE(tried << " interleavings");
  CHECK(tried > 2000);
}

TEST_CASE("two bursts before any two operations lose nothing uncounted") {
  std::uint64_t tried = 0;
  for_each_trial([&](const Trial& trial) {
    for (const std::uint64_t first : bursts_of(trial.capacity)) {
      for (const std::uint64_t second : bursts_of(trial.capacity)) {
        std::uint64_t operations = 2;
        for (std::uint64_t at = 0; at + 1 < operations; ++at) {
          for (std::uint64_t then = at + 1; then < operations; ++then, ++tried) {
            bool right = true;
            operations = try_one(trial, at, first, then, second, right);
            if (!right) {
              CAPTURE(trial.capacity);
              CAPTURE(static_cast<int>(trial.resume));
              CAPTURE(trial.backlog);
              CAPTURE(trial.newest);
              CAPTURE(at);
              CAPTURE(then);
              CHECK(right);
            }
          }
        }
      }
    }
  });
  MESSAGE(tried << " interleavings");
  CHECK(tried > 50'000);
}

TEST_CASE("a subscriber that reads before any one operation of publish() gets whole messages in order") {
  std::uint64_t looks = 0;
  for (const std::uint64_t capacity : {2U, 4U, 8U}) {
    for (std::uint64_t behind = 0; behind <= capacity + 1; ++behind) {
      for (const bool newest : {false, true}) {
        for (std::uint64_t at = 0; at < 9; ++at) {
          StagedRing ring{capacity};
          auto subscriber = ring.subscriber();
          Ledger ledger;
          ring.publish(capacity); // and read, so that no slot is new any more
          ledger.drain(subscriber, capacity);
          ring.publish(behind);
          {
            StagedPolicy::Staging staging;
            staging.before(at, [&] {
              ++looks;
              if (newest) ledger.note_latest(latest(subscriber));
              ledger.note_next(next(subscriber));
              if (newest) ledger.note_latest(latest(subscriber));
            });
            ring.publish_one();
            CHECK(staging.operations() == 8); // own_ahead() stores nothing into a slot of one line
          }
          ledger.drain(subscriber, ring.publisher.head());
          CHECK(ledger.right);
        }
      }
    }
  }
  CHECK(looks > 300);
}
