// SPDX-License-Identifier: BSL-1.0
//
// The Notifier: a descriptor that is readable when there is something to read.
#include <doctest/doctest.h>

#include "support/waiting.hpp"

#include <deque>

namespace {

using namespace test;
using seqcast::Notifier;

bool becomes_readable(const Notifier& notifier) {
  return readable(notifier.descriptor(), Watchdog{"a notification", far_away});
}
/// Looks once, without waiting.
bool is_readable(const Notifier& notifier) {
  return readable(notifier.descriptor(), Watchdog{"nothing", 0ns});
}

} // namespace

TEST_CASE("a notifier starts its thread with the first channel, and ends it with itself") {
  TemporaryFolder folder;
  NumberPublisher publisher{seqcast::file(folder / "channel")};
  NumberSubscriber one{seqcast::file(folder / "channel")};
  NumberSubscriber other{seqcast::file(folder / "channel")};
  pid_t first = 0; // with which comes a sanitizer's own
  std::jthread{[&] { first = thread_id(); }}.join();
  // What has been joined the system may still count for a moment.
  const auto task = std::filesystem::path{"/proc/self/task"} / std::to_string(first);
  wait_until("a thread to be gone", [&] { return !std::filesystem::exists(task); });
  const std::size_t before = threads();
  {
    Notifier notifier;
    CHECK(threads() == before);
    notifier.add(one);
    notifier.add(other);
    CHECK(threads() == before + 1);
  }
  wait_until("the notifier's thread to be gone", [&] { return threads() == before; });
}

TEST_CASE("a descriptor becomes readable for what is there, and for what comes, until it is armed") {
  for (const bool doorbell : {true, false}) {
    TemporaryFolder folder;
    NumberPublisher publisher{seqcast::file(folder / "channel"), {.doorbell = doorbell}};
    NumberSubscriber subscriber{seqcast::file(folder / "channel")};
    publisher.publish(1);
    Notifier notifier;
    notifier.add(subscriber);
    REQUIRE(becomes_readable(notifier));
    CHECK(drain(subscriber) == 1);
    CHECK(is_readable(notifier));
    notifier.arm();
    CHECK_FALSE(is_readable(notifier));
    publisher.publish(2);
    REQUIRE(becomes_readable(notifier));
    notifier.arm(); // without having read it
    REQUIRE(becomes_readable(notifier));
    CHECK(drain(subscriber) == 1);
    notifier.arm();
    CHECK_FALSE(is_readable(notifier));
  }
}

TEST_CASE("no notification is lost in ten thousand messages, one at a time or in bursts") {
  for (const bool one_at_a_time : {true, false}) {
    TemporaryFolder folder;
    NumberPublisher publisher{seqcast::file(folder / "channel"), {.capacity = 16384}};
    NumberSubscriber subscriber{seqcast::file(folder / "channel")};
    Notifier notifier;
    notifier.add(subscriber);
    constexpr Number count = 10'000;
    std::atomic<Number> read{0};
    std::jthread thread{[&] {
      for (Number i = 1; i <= count; ++i) {
        if (one_at_a_time) wait_until("the last message to be read", [&] { return read == i - 1; });
        publisher.publish(i);
      }
    }};
    int notifications = 0;
    while (read < count) {
      REQUIRE(becomes_readable(notifier));
      ++notifications;
      while (const auto message = subscriber.next()) {
        REQUIRE(message->message == read + 1);
        read = message->message;
      }
      notifier.arm();
    }
    MESSAGE(notifications, " notifications of ", count, " messages");
    CHECK(notifications >= 1);
  }
}

TEST_CASE("one loop serves many channels, of every kind of wakeup") {
  TemporaryFolder folder;
  std::deque<NumberPublisher> publishers;
  std::deque<NumberSubscriber> subscribers;
  Notifier notifier;
  constexpr std::size_t channels = 150; // more than the system waits for at once
  for (std::size_t i = 0; i < channels; ++i) {
    const auto channel = seqcast::file(folder / std::to_string(i));
    seqcast::PublisherOptions options;
    options.doorbell = i % 3 == 0;
    options.wake_always = i % 3 == 1;
    publishers.emplace_back(channel, options);
    subscribers.emplace_back(channel);
    notifier.add(subscribers.back());
  }
  std::jthread thread{[&] {
    for (Number i = 0; i < 20; ++i) {
      for (auto& publisher : publishers) publisher.publish(i);
    }
  }};
  std::uint64_t read = 0;
  const Watchdog watchdog{"all messages"};
  while (read < 20 * channels) {
    REQUIRE(readable(notifier.descriptor(), watchdog));
    for (auto& subscriber : subscribers) read += drain(subscriber);
    notifier.arm();
  }
  CHECK(read == 20 * channels);
}

TEST_CASE("what becomes of a publisher makes the descriptor readable, once") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel};
  Notifier notifier;
  notifier.add(subscriber);
  CHECK(subscriber.wait_for(0ns) == Wait::timeout);
  publisher.reset();
  REQUIRE(becomes_readable(notifier));
  CHECK(subscriber.wait_for(0ns) == Wait::closed);
  notifier.arm();
  CHECK_FALSE(readable(notifier.descriptor(), Watchdog{"nothing", 250ms}));
  { const NumberPublisher brief{channel}; } // comes, publishes nothing and goes: the state is what it was
  REQUIRE(becomes_readable(notifier));
  CHECK(subscriber.wait_for(0ns) == Wait::closed);
  notifier.arm();
  seqcast::remove(channel);
  REQUIRE(becomes_readable(notifier));
  CHECK(subscriber.wait_for(0ns) == Wait::superseded);
}

TEST_CASE("channels are added and removed while the notifier waits") {
  TemporaryFolder folder;
  NumberPublisher publisher{seqcast::file(folder / "channel")};
  NumberPublisher silent{seqcast::file(folder / "silent")};
  NumberSubscriber other{seqcast::file(folder / "silent")};
  Notifier notifier;
  notifier.add(other);
  for (Number i = 0; i < 200; ++i) {
    NumberSubscriber subscriber{seqcast::file(folder / "channel")};
    notifier.add(subscriber);
    if (i % 2 == 0) {
      publisher.publish(i);
      REQUIRE(becomes_readable(notifier));
    }
    notifier.remove(subscriber);
    notifier.arm();
    publisher.publish(i); // to nobody
    REQUIRE_FALSE(is_readable(notifier));
  }
  silent.publish(1);
  CHECK(becomes_readable(notifier));
}

TEST_CASE("the end of a notifier does not wait for a slice to end") {
  TemporaryFolder folder;
  const NumberPublisher publisher{seqcast::file(folder / "channel")};
  NumberSubscriber subscriber{seqcast::file(folder / "channel")};
  // Each would take 100 ms if the thread slept on, and all of them more than any patience.
  const Watchdog watchdog{"2000 notifiers to end"};
  for (int i = 0; i < 2000; ++i) {
    Notifier notifier;
    notifier.add(subscriber);
    notifier.arm();
    watchdog.check();
  }
}

TEST_CASE("a notifier follows a subscriber that reopens its channel") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel, {.follow = true}};
  Notifier notifier;
  notifier.add(subscriber);
  for (Number i = 0; i < 5; ++i) {
    publisher.reset();
    seqcast::remove(channel);
    publisher.emplace(channel);
    const Watchdog watchdog{"the new channel"};
    while (subscriber.epoch().number != 1 || subscriber.state() != seqcast::State::live) {
      watchdog.check();
      REQUIRE(becomes_readable(notifier));
      (void)subscriber.wait_for(0ns);
      notifier.arm();
    }
    while (subscriber.wait_for(0ns) != Wait::timeout) drain(subscriber);
    notifier.arm();
    publisher->publish(i);
    std::uint64_t read = 0;
    while (read == 0) {
      REQUIRE(becomes_readable(notifier));
      read += drain(subscriber);
      (void)subscriber.wait_for(0ns);
      notifier.arm();
    }
    CHECK(read == 1);
  }
}

TEST_CASE("a notifier that was moved goes on") {
  TemporaryFolder folder;
  NumberPublisher publisher{seqcast::file(folder / "channel")};
  NumberSubscriber subscriber{seqcast::file(folder / "channel")};
  Notifier first;
  first.add(subscriber);
  const int descriptor = first.descriptor();
  Notifier second{std::move(first)};
  CHECK(second.descriptor() == descriptor);
  publisher.publish(1);
  CHECK(becomes_readable(second));
  drain(subscriber);
  second.arm();
  Notifier third;
  third.add(subscriber);
  third = std::move(second); // its own thread ends
  CHECK(third.descriptor() == descriptor);
  publisher.publish(2);
  CHECK(becomes_readable(third));
}
