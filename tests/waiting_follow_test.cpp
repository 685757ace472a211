// SPDX-License-Identifier: BSL-1.0
//
// Waiting where there is more than one region, or more than one subscriber: follow, and wait_any().
#include <doctest/doctest.h>

#include "support/intercepted_calls.hpp"

#include <deque>
#include <numeric>

namespace {

using namespace test;
using seqcast::AnySubscriber;
using seqcast::wait_any;
using seqcast::WaitStrategy;
using steady = std::chrono::steady_clock;

seqcast::PublisherOptions replacing(std::uint64_t capacity) {
  seqcast::PublisherOptions options;
  options.capacity = capacity;
  options.replace = true;
  return options;
}

/// Many channels, whose subscribers are woken in turn by a bell, by the word in the region, and not at all.
struct Channels {
  explicit Channels(std::size_t count, bool mixed) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto channel = seqcast::file(folder / std::to_string(i));
      seqcast::PublisherOptions options;
      if (mixed) options.wakeup = wakeups[i % wakeups.size()];
      publishers.emplace_back(channel, options);
      subscribers.emplace_back(channel, seqcast::SubscriberOptions{.strategy = WaitStrategy::sleep});
    }
    for (auto& subscriber : subscribers) bases.push_back(&subscriber);
  }
  TemporaryFolder folder;
  std::deque<NumberPublisher> publishers;
  std::deque<NumberSubscriber> subscribers;
  std::vector<AnySubscriber*> bases;
};

} // namespace

TEST_CASE("a subscriber that follows reports once that it has moved on, whatever the new channel contains") {
  for (const Number published : {Number{0}, Number{1}, Number{3}}) {
    CAPTURE(published);
    TemporaryFolder folder;
    const auto channel = seqcast::file(folder / "channel");
    std::optional<NumberPublisher> publisher{std::in_place, channel, replacing(8)};
    NumberSubscriber subscriber{channel, {.follow = true}};
    publisher->publish(1);
    publisher.reset();
    publisher.emplace(channel, replacing(16));
    for (Number i = 1; i <= published; ++i) publisher->publish(100 + i);

    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message); // the old channel is drained first
    CHECK(drain(subscriber) == 1);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
    CHECK(subscriber.capacity() == 16);
    CHECK(subscriber.wait_for(1ms) == (published > 0 ? WaitResult::message : WaitResult::timeout));
    for (Number i = 1; i <= published; ++i) {
      const auto message = subscriber.next();
      REQUIRE(message.has_value());
      CHECK(message->sequence == i);
      CHECK(message->message == 100 + i);
    }
    CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
    CHECK(subscriber.wakeup() == seqcast::Wakeup::bell);
  }
}

TEST_CASE("a subscriber that follows gets WaitResult::superseded before the new region's messages") {
  const TemporaryFolder folder;
  const auto where = folder.channel();
  std::optional<seqcast::BytePublisher> publisher{std::in_place, where};
  seqcast::ByteSubscriber subscriber{where, {.follow = true}};
  publisher->publish("old");
  REQUIRE(subscriber.next());

  publisher.reset();
  publisher.emplace(where, seqcast::PublisherOptions{.max_message_size = 64, .replace = true});
  publisher->publish("new");
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
  const auto message = subscriber.next();
  REQUIRE(message);
  CHECK(message->text() == "new");
  CHECK(message->sequence == 1);

  // The new channel's close is reported too, although the old one ended in the same way.
  publisher.reset();
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
}

TEST_CASE("a subscriber that follows is woken by the publisher that takes the name, and by its messages") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{std::in_place, channel, replacing(8)};
  NumberSubscriber subscriber{channel, {.strategy = WaitStrategy::sleep, .follow = true}};
  const auto waiting = thread_id();
  std::jthread thread{[&] {
    wait_until_asleep(waiting);
    publisher.reset();
    publisher.emplace(channel, replacing(16));
    wait_until_asleep(waiting);
    publisher->publish(7);
  }};
  int superseded = 0;
  while (true) {
    const WaitResult reason = subscriber.wait_for(long_timeout);
    REQUIRE(reason != WaitResult::timeout);
    if (reason == WaitResult::superseded) ++superseded;
    if (const auto message = subscriber.next()) {
      CHECK(message->message == 7);
      break;
    }
  }
  CHECK(superseded == 1);
}

TEST_CASE("a subscriber that follows reports superseded once when there is no channel to move on to") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel, {.follow = true}};
  publisher.reset();
  seqcast::remove_channel(channel);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
  CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
  {
    const seqcast::Publisher<char> other{channel}; // a type that it does not take
    CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
  }
  seqcast::remove_channel(channel);
  publisher.emplace(channel);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
  publisher->publish(1);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
}

TEST_CASE(
    "a publisher that removes its channel is reported as closed once, and its successor as superseded once") {
  for (const bool follow : {false, true}) {
    CAPTURE(follow);
    TemporaryFolder folder;
    const auto channel = seqcast::file(folder / "channel");
    std::optional<NumberPublisher> publisher{std::in_place, channel,
                                             seqcast::PublisherOptions{.remove_on_close = true}};
    NumberSubscriber subscriber{channel, {.strategy = WaitStrategy::sleep, .follow = follow}};
    publisher->publish(1);
    publisher.reset();
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
    CHECK(drain(subscriber) == 1);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
    CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
    publisher.emplace(channel);
    publisher->publish(2);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
    if (follow) {
      CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
      CHECK(drain(subscriber) == 1);
    }
    CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
  }
}

TEST_CASE("a subscriber that does not follow drains the old channel and moves on when it reopens") {
  TemporaryFolder folder;
  const auto channel = seqcast::file(folder / "channel");
  std::optional<NumberPublisher> publisher{std::in_place, channel, replacing(8)};
  NumberSubscriber subscriber{channel};
  publisher->publish(1);
  publisher.reset();
  publisher.emplace(channel, replacing(16));
  publisher->publish(2);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
  CHECK(drain(subscriber) == 1);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
  CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
  CHECK(subscriber.reopen());
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
  CHECK(drain(subscriber) == 1);
}

TEST_CASE("wait_any() of no subscriber waits for the timeout") {
  const auto begin = steady::now();
  const auto found = wait_any({}, 20ms);
  CHECK(found.subscriber == nullptr);
  CHECK(found.reason == WaitResult::timeout);
  CHECK(steady::now() - begin >= 20ms);
}

TEST_CASE("wait_any() gives the first that is ready, of any number") {
  for (const std::size_t count : {1U, 3U, 130U}) {
    for (const bool mixed : {false, true}) {
      CAPTURE(count);
      CAPTURE(mixed);
      Channels channels{count, mixed};
      CHECK(wait_any(channels.bases, 1ms).reason == WaitResult::timeout);
      channels.publishers[count - 1].publish(1);
      channels.publishers[count / 2].publish(1);
      auto found = wait_any(channels.bases, long_timeout);
      CHECK(found.subscriber == channels.bases[count / 2]);
      CHECK(found.reason == WaitResult::message);
      CHECK(drain(channels.subscribers[count / 2]) == (count == 1 ? 2 : 1));
      found = wait_any(channels.bases, count == 1 ? 1ms : std::chrono::milliseconds{long_timeout});
      CHECK(found.subscriber == (count == 1 ? nullptr : channels.bases[count - 1]));
    }
  }
}

TEST_CASE("wait_any() takes subscribers of different kinds as a list") {
  const TemporaryFolder folder;
  seqcast::Publisher<int> numbers{folder.channel("numbers")};
  seqcast::BytePublisher texts{folder.channel("texts")};
  seqcast::Subscriber<int> number{folder.channel("numbers")};
  seqcast::ByteSubscriber text{folder.channel("texts")};
  texts.publish("1");
  CHECK(wait_any({&number, &text}, long_timeout).subscriber == &text);
  numbers.publish(1);
  CHECK(wait_any({&number, &text}, long_timeout).subscriber == &number);
}

TEST_CASE("wait_any() is woken by each of any number of channels, asleep") {
  for (const std::size_t count : {std::size_t{1}, std::size_t{3}, too_many - 4, too_many}) {
    for (const bool mixed : {false, true}) {
      CAPTURE(count);
      CAPTURE(mixed);
      Channels channels{count, mixed};
      const auto waiting = thread_id();
      std::atomic<std::size_t> turn{0};
      std::jthread thread{[&] {
        for (std::size_t i = 0; i < count; ++i) {
          wait_until("its turn", [&] { return turn == i; });
          wait_until_asleep(waiting);
          channels.publishers[i].publish(i);
        }
      }};
      for (std::size_t i = 0; i < count; ++i) {
        const auto found = wait_any(channels.bases, long_timeout);
        REQUIRE(found.subscriber == channels.bases[i]);
        REQUIRE(found.reason == WaitResult::message);
        REQUIRE(drain(channels.subscribers[i]) == 1);
        turn = i + 1;
      }
    }
  }
}

TEST_CASE("wait_any() reports each change of each channel once, and ends when a stop is requested") {
  Channels channels{3, true};
  channels.publishers.clear();
  for (std::size_t i = 0; i < 3; ++i) {
    const auto found = wait_any(channels.bases, long_timeout);
    CHECK(found.subscriber == channels.bases[i]);
    CHECK(found.reason == WaitResult::closed);
  }
  CHECK(wait_any(channels.bases, 250ms).reason == WaitResult::timeout);
  std::stop_source stop;
  const auto waiting = thread_id();
  std::jthread thread{[&] {
    wait_until_asleep(waiting);
    stop.request_stop();
  }};
  const auto found = wait_any(channels.bases, long_timeout, stop.get_token());
  CHECK(found.subscriber == nullptr);
  CHECK(found.reason == WaitResult::stopped);
}

TEST_CASE("wait_any() on more channels than the kernel takes does not query every state every millisecond") {
  Channels channels{too_many, false};
  CHECK(wait_any(channels.bases, 10ms).reason == WaitResult::timeout);
  lock_queries = 0;
  CHECK(wait_any(channels.bases, 500ms).reason == WaitResult::timeout);
  MESSAGE(lock_queries, " queries");
  // Each state at the beginning, and after each slice of 100 ms.
  CHECK(lock_queries <= 6 * too_many);
}
