// SPDX-License-Identifier: BSL-1.0
//
// Whether a publisher is found to pause between its large messages, on a clock that the tests set.
#include <doctest/doctest.h>
#include <seqcast/detail/pace.hpp>

using seqcast::detail::Pace;

namespace {

constexpr std::uint32_t message = 65536; // bytes

/// A publisher, and the clock that its pace is measured by.
struct Timed {
  Pace pace;
  std::uint64_t now = 1'000'000'000;
  int looks = 0;

  /// One message, that many ns after the one before; whether there is time to take the next slot's lines.
  bool publish(std::uint64_t pause_ns, std::uint32_t size = message) {
    now += pause_ns;
    return pace.has_time(size, [this] {
      ++looks;
      return now;
    });
  }
};

} // namespace

TEST_CASE("a publisher that pauses has time for each message, from the first one on") {
  Timed timed;
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(1'000'000));
  CHECK(timed.looks == 100);
}

TEST_CASE("a publisher that does not pause has no time, and soon looks at every 16th message only") {
  Timed timed;
  CHECK(timed.publish(1'000'000));
  int had_time = 0;
  for (int i = 0; i < 1600; ++i) had_time += timed.publish(13'000) ? 1 : 0; // 5 bytes a ns
  CHECK(had_time == 0);
  CHECK(timed.looks < 1 + 4 + 1600 / 16 + 1);
}

TEST_CASE("the clock is asked about messages that are neither small nor larger than a core's own cache") {
  Timed timed;
  CHECK(timed.publish(1, 2047));
  CHECK_FALSE(timed.publish(1'000'000, 256 * 1024 + 1));
  CHECK(timed.looks == 0);
  CHECK(timed.publish(1'000'000, 2048));
  CHECK(timed.publish(1'000'000, 256 * 1024));
  CHECK(timed.looks == 2);
}

TEST_CASE("a publisher that slows down has time again within 16 messages") {
  Timed timed;
  for (int i = 0; i < 1000; ++i) timed.publish(1000);
  int until = 0;
  while (!timed.publish(1'000'000)) ++until;
  CHECK(until <= 16);
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(1'000'000));
}

TEST_CASE("one message directly after another is no reason to look less often for long") {
  Timed timed;
  CHECK(timed.publish(1'000'000));
  CHECK_FALSE(timed.publish(1000));
  int until = 0;
  while (!timed.publish(1'000'000)) ++until;
  CHECK(until <= 1);
}

TEST_CASE("what counts is bytes a time: small messages in the time of a large one are no hurry") {
  Timed timed;
  for (int i = 0; i < 100; ++i) CHECK(timed.publish(2000, Pace::asked_from)); // 1 byte a ns
  for (int i = 0; i < 3; ++i) timed.publish(2000, 1 << 20);
  CHECK_FALSE(timed.publish(2000, 1 << 20));
}

TEST_CASE("a clock that stands still or goes back only makes a publisher take its time, or not") {
  Timed timed;
  timed.publish(1000);
  for (int i = 0; i < 100; ++i) timed.publish(0);
  timed.now = 5;
  for (int i = 0; i < 100; ++i) timed.publish(0);
  int until = 0;
  while (!timed.publish(1'000'000)) ++until;
  CHECK(until <= 16);
}
