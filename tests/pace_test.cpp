// SPDX-License-Identifier: BSL-1.0
//
// PublisherPace: whether a publisher pauses between its messages, on a clock that the tests set. SubscriberPace:
// when a subscriber holds back, and for how long at most.
#include <doctest/doctest.h>
#include <seqcast/detail/pace.hpp>

#include <functional>
#include <vector>

using seqcast::detail::PublisherPace;
using seqcast::detail::SubscriberPace;

namespace {

constexpr std::uint32_t message = 65536; // bytes

/// A publisher and its clock.
struct TimedPublisher {
  PublisherPace pace;
  std::uint64_t now = 1'000'000'000;
  int readings = 0; // of the clock

  /// One message, that many ns after the one before; gives whether the next slot is prefetched.
  bool publish(std::uint64_t pause_ns, std::uint32_t size = message) {
    now += pause_ns;
    return pace.pauses(size, [this] {
      ++readings;
      return now;
    });
  }
};

} // namespace

TEST_CASE("a publisher that pauses prefetches for each message, from the first one on") {
  TimedPublisher timed;
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(1'000'000));
  CHECK(timed.readings == 100);
}

TEST_CASE(
    "a publisher that does not pause never prefetches, and soon reads the clock for every 16th message only") {
  TimedPublisher timed;
  CHECK(timed.publish(1'000'000));
  int prefetched = 0;
  for (int i = 0; i < 1600; ++i) prefetched += timed.publish(40'000) ? 1 : 0; // 1.6 bytes a ns
  CHECK(prefetched == 0);
  CHECK(timed.readings < 1 + 4 + 1600 / 16 + 1);
}

TEST_CASE("the clock is read only for messages of 2 KiB and more: smaller ones prefetch") {
  TimedPublisher timed;
  CHECK(timed.publish(1, 2047));
  CHECK(timed.readings == 0);
  CHECK(timed.publish(1'000'000, 2048));
  CHECK(timed.publish(1'000'000, 256 * 1024));
  CHECK(timed.publish(1'000'000, 1024 * 1024));
  CHECK(timed.readings == 3);
}

TEST_CASE("a publisher of messages above 256 KiB pauses below 4 bytes a ns, of smaller ones below 1") {
  constexpr std::uint32_t largest_small = 256 * 1024;
  constexpr std::uint32_t large = largest_small + 8;
  TimedPublisher timed;
  CHECK(timed.publish(1'000'000'000, large));
  CHECK(timed.publish(large / 4 + 1, large));
  CHECK_FALSE(timed.pace.hurried());
  CHECK_FALSE(timed.publish(large / 4 - 1, large));
  CHECK(timed.pace.hurried());
  TimedPublisher smaller;
  CHECK(smaller.publish(1'000'000'000, largest_small));
  CHECK(smaller.publish(largest_small, largest_small));
  CHECK_FALSE(smaller.publish(largest_small / 2, largest_small));
}

TEST_CASE("a publisher that slows down prefetches again within 16 messages") {
  TimedPublisher timed;
  for (int i = 0; i < 1000; ++i) timed.publish(1000);
  int busy = 0;
  while (!timed.publish(1'000'000)) ++busy;
  CHECK(busy <= 16);
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(1'000'000));
}

TEST_CASE("one message directly after another stops the prefetching for one message only") {
  TimedPublisher timed;
  CHECK(timed.publish(1'000'000));
  CHECK_FALSE(timed.publish(1000));
  int busy = 0;
  while (!timed.publish(1'000'000)) ++busy;
  CHECK(busy <= 1);
}

TEST_CASE("bytes per time count: at the same rate of messages only large ones stop the prefetching") {
  TimedPublisher timed;
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(2100, PublisherPace::clock_from)); // 0.98 bytes a ns
  for (int i = 0; i < 3; ++i) timed.publish(2000, 1 << 20);
  CHECK_FALSE(timed.publish(2000, 1 << 20));
}

TEST_CASE("after a clock that stood still or went back the prefetching resumes") {
  TimedPublisher timed;
  timed.publish(1000);
  for (int i = 0; i < 100; ++i) timed.publish(0);
  timed.now = 5;
  for (int i = 0; i < 100; ++i) timed.publish(0);
  int busy = 0;
  while (!timed.publish(1'000'000)) ++busy;
  CHECK(busy <= 16);
}

TEST_CASE(
    "a line is brought ahead for messages that come without a pause, and take longer than with nobody there") {
  PublisherPace pace;
  std::uint64_t now = 1'000'000'000;
  const auto period = [&](std::uint64_t ns_per_message) {
    now += ns_per_message * PublisherPace::period;
    pace.end_period(now);
    return pace.line_ahead();
  };
  CHECK_FALSE(pace.line_ahead());
  CHECK_FALSE(period(20'000));
  CHECK_FALSE(period(3));
  CHECK(period(30));
  CHECK(period(100));
  CHECK_FALSE(period(1000));
  now = 5; // the clock went back
  pace.end_period(now);
  CHECK_FALSE(pace.line_ahead());
}

namespace {

/// A subscriber's calls, and the messages that it looks for.
struct PacedSubscriber {
  SubscriberPace pace;
  std::uint64_t cursor = 0;
  std::uint64_t newest = 0; // message that is complete
  std::uint64_t most = 64;
  int pauses = 0; // of the last call
  std::uint64_t farthest = 0;
  std::function<void()> during_pause = [] {};

  /// Receives what is there up to `sequence`, and calls once more.
  void receive_up_to(std::uint64_t sequence) {
    cursor = sequence;
    newest = sequence > newest ? sequence : newest;
    call_in_vain();
  }
  void call_in_vain() {
    pauses = 0;
    farthest = 0;
    const auto is_complete = [this](std::uint64_t looked_for) {
      farthest = looked_for > farthest ? looked_for : farthest;
      return looked_for <= newest;
    };
    pace.caught_up(cursor, most, is_complete, [this] {
      ++pauses;
      during_pause();
    });
  }
  void start_flood() {
    for (int run = 0; run < 40; ++run) receive_up_to(cursor + 2);
  }
};

} // namespace

TEST_CASE("a subscriber does not hold back for messages that come one by one, however fast") {
  PacedSubscriber subscriber;
  for (int i = 0; i < 1000; ++i) {
    subscriber.receive_up_to(subscriber.cursor + 1);
    CHECK(subscriber.pauses == 0);
    for (int wait = 0; wait < i % 100; ++wait) subscriber.call_in_vain();
    CHECK(subscriber.pauses == 0);
  }
  CHECK_FALSE(subscriber.pace.hurried());
}

TEST_CASE("a short burst, after a wait, is no flood") {
  PacedSubscriber subscriber;
  for (int burst = 0; burst < 100; ++burst) {
    for (int run = 0; run < 20; ++run) {
      subscriber.receive_up_to(subscriber.cursor + 2);
      CHECK(subscriber.pauses == 0);
    }
    for (int wait = 0; wait < 100; ++wait) subscriber.call_in_vain();
  }
}

TEST_CASE("large messages that come one by one are a flood above 2 bytes a ns, until one comes later") {
  PacedSubscriber subscriber;
  std::uint64_t now = 1'000'000'000;
  const auto receive = [&](std::uint64_t bytes, std::uint64_t ns) {
    now += ns;
    subscriber.pace.received(bytes, now);
    subscriber.receive_up_to(subscriber.cursor + 1);
  };
  receive(4096, 1'000'000'000);
  CHECK_FALSE(subscriber.pace.hurried());
  receive(4096, 2048);
  CHECK(subscriber.pauses == 0);
  subscriber.during_pause = [&] { ++subscriber.newest; };
  receive(4096, 2047);
  CHECK(subscriber.farthest == subscriber.cursor + 64);
  CHECK(subscriber.pace.hurried());
  subscriber.during_pause = [] {};
  subscriber.receive_up_to(subscriber.newest + 1);
  CHECK_FALSE(subscriber.pace.hurried());
}

TEST_CASE("in a flood a subscriber lets the publisher go ahead, and then reads without a wait") {
  PacedSubscriber subscriber;
  subscriber.start_flood();
  CHECK(subscriber.pace.hurried());
  subscriber.during_pause = [&] { ++subscriber.newest; };
  subscriber.receive_up_to(subscriber.cursor + 2);
  CHECK(subscriber.farthest == subscriber.cursor + 64);
  CHECK(subscriber.newest == subscriber.cursor + 64);
  CHECK(subscriber.pauses == 64);
  subscriber.most = 2; // of 8 slots
  subscriber.receive_up_to(subscriber.newest);
  CHECK(subscriber.farthest == subscriber.cursor + 2);
  subscriber.most = 0; // of 2 slots
  subscriber.receive_up_to(subscriber.newest + 2);
  CHECK(subscriber.farthest == 0);
}

TEST_CASE("only the first call without a message holds back, and only while the flood lasts") {
  PacedSubscriber subscriber;
  subscriber.start_flood();
  subscriber.receive_up_to(subscriber.cursor + 2);
  CHECK(subscriber.pauses > 0);
  subscriber.call_in_vain();
  CHECK(subscriber.pauses == 0);
  for (int wait = 0; wait < 100; ++wait) subscriber.call_in_vain();
  subscriber.receive_up_to(subscriber.cursor + 2);
  CHECK(subscriber.pauses == 0);
  CHECK_FALSE(subscriber.pace.hurried());
}

TEST_CASE("when the publisher stops in the middle of a flood, the wait is in proportion to what came before") {
  PacedSubscriber subscriber;
  subscriber.start_flood();
  int left = 3; // messages that still come, one in a pause
  subscriber.during_pause = [&] {
    if (left-- > 0) ++subscriber.newest;
  };
  subscriber.receive_up_to(subscriber.cursor + 2);
  CHECK(subscriber.newest == subscriber.cursor + 3);
  CHECK(subscriber.pauses < 40);
}

TEST_CASE("the wait for slow messages of a flood grows, up to a bound that nothing exceeds") {
  PacedSubscriber subscriber;
  std::vector<int> waits;
  for (int run = 0; run < 100; ++run) {
    subscriber.receive_up_to(subscriber.cursor + 2);
    if (subscriber.pauses > 0) waits.push_back(subscriber.pauses);
  }
  REQUIRE(waits.size() > 10);
  CHECK(waits[1] > waits[0]);
  CHECK(waits.back() > waits[1]);
  CHECK(waits.back() <= SubscriberPace::most_pauses);
  for (int wait = 0; wait < 100; ++wait) subscriber.call_in_vain();
  do {
    subscriber.receive_up_to(subscriber.cursor + 2);
  } while (!subscriber.pace.hurried());
  CHECK(subscriber.pauses == waits[0]); // a new flood begins with a short wait
}

TEST_CASE("a cursor that was set back is no flood") {
  PacedSubscriber subscriber;
  subscriber.receive_up_to(1000);
  subscriber.receive_up_to(10);
  CHECK(subscriber.pauses == 0);
  CHECK_FALSE(subscriber.pace.hurried());
}
