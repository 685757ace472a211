// SPDX-License-Identifier: BSL-1.0
//
// Waiting for one channel: why a wait ends, and that it reports every event exactly once.
#include "support/intercepted_calls.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

using namespace test;
using seqcast::WaitStrategy;
using seqcast::Wakeup;
using steady = std::chrono::steady_clock;

constexpr WaitStrategy strategies[] = {WaitStrategy::spin_then_sleep, WaitStrategy::sleep, WaitStrategy::yield,
                                       WaitStrategy::spin};

/// Drains and waits, as a user does, until `time` is over; gives why the waits ended, but for the last.
std::vector<WaitResult> reasons_within(NumberSubscriber& subscriber, std::chrono::milliseconds time) {
  std::vector<WaitResult> reasons;
  const auto end = steady::now() + time;
  for (;;) {
    drain(subscriber);
    const WaitResult reason = subscriber.wait_until(end);
    if (reason == WaitResult::timeout) break;
    reasons.push_back(reason);
    REQUIRE(reasons.size() < 1000);
  }
  CHECK(steady::now() >= end);
  return reasons;
}

using Reasons = std::vector<WaitResult>;

} // namespace

TEST_CASE("a wait ends for a message that is there already, with every strategy") {
  for (const WaitStrategy strategy : strategies) {
    TemporaryFolder folder;
    NumberPublisher publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = strategy}};
    publisher.publish(1);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message); // it has not been read
    CHECK(drain(subscriber) == 1);
    CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  }
}

TEST_CASE("a wait ends for a message that comes during it, with every strategy and every wakeup") {
  for (const WaitStrategy strategy : strategies) {
    for (const Wakeup wakeup : wakeups) {
      CAPTURE(std::string{to_string(wakeup)});
      TemporaryFolder folder;
      seqcast::PublisherOptions options;
      options.wakeup = wakeup;
      NumberPublisher publisher{seqcast::file(folder / "channel"), options};
      NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = strategy}};
      CHECK(subscriber.wakeup() == wakeup);
      constexpr Number count = 200;
      std::atomic<Number> read{0};
      std::jthread thread{[&] {
        for (Number i = 1; i <= count; ++i) {
          wait_until("the last message to be read", [&] { return read == i - 1; });
          publisher.publish(i);
        }
      }};
      for (Number i = 1; i <= count; ++i) {
        REQUIRE(subscriber.wait_for(long_timeout) == WaitResult::message);
        const auto message = subscriber.next();
        REQUIRE(message.has_value());
        REQUIRE(message->message == i);
        read = i;
      }
    }
  }
}

TEST_CASE("a wait ends at its timeout, not before, with every strategy") {
  for (const WaitStrategy strategy : strategies) {
    TemporaryFolder folder;
    const NumberPublisher publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = strategy}};
    for (const auto timeout : {0us, 1us, 49us, 51us, 3000us, 120'000us}) {
      const auto begin = steady::now();
      CHECK(subscriber.wait_for(timeout) == WaitResult::timeout);
      CHECK(steady::now() - begin >= timeout);
    }
  }
}

TEST_CASE("a wait with a deadline that has passed returns at once with what there is") {
  TemporaryFolder folder;
  NumberPublisher publisher{seqcast::file(folder / "channel")};
  NumberSubscriber subscriber{seqcast::file(folder / "channel")};
  const auto waits = [&] {
    return Reasons{subscriber.wait_for(0ns),
                   subscriber.wait_for(-1ns),
                   subscriber.wait_for(std::chrono::nanoseconds::min()),
                   subscriber.wait_until(steady::now() - 1h),
                   subscriber.wait_until(steady::time_point{}),
                   subscriber.wait_until(steady::time_point::min())};
  };
  CHECK(waits() == Reasons(6, WaitResult::timeout));
  publisher.publish(1);
  CHECK(waits() == Reasons(6, WaitResult::message));
}

TEST_CASE("the longest timeout there is waits, and does not overflow") {
  TemporaryFolder folder;
  NumberPublisher publisher{seqcast::file(folder / "channel")};
  NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = WaitStrategy::sleep}};
  for (const bool until : {false, true}) {
    const auto waiting = thread_id();
    std::jthread thread{[&] {
      wait_until_asleep(waiting);
      publisher.publish(1);
    }};
    CHECK((until ? subscriber.wait_until(steady::time_point::max())
                 : subscriber.wait_for(std::chrono::nanoseconds::max())) == WaitResult::message);
    CHECK(drain(subscriber) == 1);
  }
}

TEST_CASE("a stop token ends a wait, before it or during it, with every strategy") {
  for (const WaitStrategy strategy : strategies) {
    TemporaryFolder folder;
    NumberPublisher publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = strategy}};
    std::stop_source stop;
    CHECK(subscriber.wait_for(1ms, stop.get_token()) == WaitResult::timeout);
    std::atomic<bool> begun{false};
    std::jthread thread{[&] {
      wait_until("the wait to begin", [&] { return begun.load(); });
      stop.request_stop();
    }};
    begun = true;
    CHECK(subscriber.wait_for(long_timeout, stop.get_token()) == WaitResult::stopped);
    CHECK(subscriber.wait_for(long_timeout, stop.get_token()) == WaitResult::stopped);
    // A message has priority.
    publisher.publish(1);
    CHECK(subscriber.wait_for(long_timeout, stop.get_token()) == WaitResult::message);
    CHECK(drain(subscriber) == 1);
    CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  }
}

TEST_CASE("a stop token ends a sleep") {
  for (const Wakeup wakeup : wakeups) {
    TemporaryFolder folder;
    const NumberPublisher publisher{seqcast::file(folder / "channel"), {.wakeup = wakeup}};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = WaitStrategy::sleep}};
    for (int i = 0; i < 50; ++i) {
      std::stop_source stop;
      const auto waiting = thread_id();
      std::jthread thread{[&] {
        wait_until_asleep(waiting);
        stop.request_stop();
      }};
      REQUIRE(subscriber.wait_for(long_timeout, stop.get_token()) == WaitResult::stopped);
    }
  }
}

TEST_CASE("messages published before a close are reported before the close, and the close once") {
  for (const WaitStrategy strategy : strategies) {
    TemporaryFolder folder;
    std::optional<NumberPublisher> publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = strategy}};
    publisher->publish(1);
    publisher->publish(2);
    publisher.reset();
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
    CHECK(drain(subscriber) == 2);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
    CHECK(reasons_within(subscriber, 250ms).empty());
  }
}

TEST_CASE("messages that race with a close all come before it, and the close wakes") {
  const LongSleeps sleeps;
  for (int round = 0; round < 200; ++round) {
    TemporaryFolder folder;
    std::optional<NumberPublisher> publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = WaitStrategy::sleep}};
    std::jthread thread{[&] {
      for (Number i = 1; i <= 5; ++i) publisher->publish(i);
      publisher.reset();
    }};
    std::uint64_t read = 0;
    WaitResult reason = WaitResult::message;
    while ((reason = subscriber.wait_for(long_timeout)) == WaitResult::message) read += drain(subscriber);
    REQUIRE(reason == WaitResult::closed);
    REQUIRE(read == 5);
    REQUIRE(sleeps.lost() == 0);
  }
}

TEST_CASE("a close wakes a subscriber that has slept for a while") {
  const LongSleeps sleeps;
  for (int round = 0; round < 40; ++round) {
    TemporaryFolder folder;
    std::optional<NumberPublisher> publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel"), {.strategy = WaitStrategy::sleep}};
    const auto waiting = thread_id();
    std::jthread thread{[&] {
      const Watchdog first_sleep{"the first, short sleep to end", first_sleep_time};
      while (!first_sleep.expired() || !test::sleeps(waiting)) std::this_thread::yield();
      publisher.reset();
    }};
    REQUIRE(subscriber.wait_for(long_timeout) == WaitResult::closed);
    REQUIRE(sleeps.lost() == 0);
  }
}

TEST_CASE("a loop that drains and waits gets each state once, and does not spin") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel};
  CHECK(reasons_within(subscriber, 150ms).empty());
  publisher.reset();
  CHECK(reasons_within(subscriber, 1000ms) == Reasons{WaitResult::closed});
  publisher.emplace(channel);
  CHECK(reasons_within(subscriber, 150ms).empty());
  publisher.reset();
  CHECK(reasons_within(subscriber, 250ms) == Reasons{WaitResult::closed});
  seqcast::remove_channel(channel);
  CHECK(reasons_within(subscriber, 1000ms) == Reasons{WaitResult::superseded});
}

TEST_CASE("the close of each of many short-lived publishers is reported") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel};
  publisher.reset();
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
  for (Number i = 1; i <= 5; ++i) {
    NumberPublisher{channel}.publish(i);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
    CHECK(drain(subscriber) == 1);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
    CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  }
}

TEST_CASE("a subscriber of a channel without a publisher reports that once") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  NumberPublisher{channel}.publish(1);
  NumberSubscriber subscriber{channel};
  CHECK(reasons_within(subscriber, 250ms) == Reasons{WaitResult::closed});
}
