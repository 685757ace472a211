// SPDX-License-Identifier: BSL-1.0
//
// PrefetchThrottle: whether a publisher pauses between its large messages, on a clock that the tests set.
#include <doctest/doctest.h>
#include <seqcast/detail/copy.hpp>

using seqcast::detail::PrefetchThrottle;

namespace {

constexpr std::uint32_t message = 65536; // bytes

/// A publisher and its clock.
struct TimedPublisher {
  PrefetchThrottle throttle;
  std::uint64_t now = 1'000'000'000;
  int readings = 0; // of the clock

  /// One message, that many ns after the one before; gives whether the next slot is prefetched.
  bool publish(std::uint64_t pause_ns, std::uint32_t size = message) {
    now += pause_ns;
    return throttle.allows(size, [this] {
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
  for (int i = 0; i < 1600; ++i) prefetched += timed.publish(13'000) ? 1 : 0; // 5 bytes a ns
  CHECK(prefetched == 0);
  CHECK(timed.readings < 1 + 4 + 1600 / 16 + 1);
}

TEST_CASE(
    "the clock is read only for messages of 2 KiB to 256 KiB: smaller ones prefetch, larger ones do not") {
  TimedPublisher timed;
  CHECK(timed.publish(1, 2047));
  CHECK_FALSE(timed.publish(1'000'000, 256 * 1024 + 1));
  CHECK(timed.readings == 0);
  CHECK(timed.publish(1'000'000, 2048));
  CHECK(timed.publish(1'000'000, 256 * 1024));
  CHECK(timed.readings == 2);
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
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(2000, PrefetchThrottle::clock_from)); // 1 byte a ns
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
