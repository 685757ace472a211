// SPDX-License-Identifier: BSL-1.0
//
// PollDescriptor: a handle for event loops that is readable while there is something to read.
#include <doctest/doctest.h>

#include "support/waiting.hpp"

#include <deque>

namespace {

using namespace test;
using seqcast::AnySubscriber;
using seqcast::PollDescriptor;

bool becomes_readable(const PollDescriptor& poll) {
  return readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout});
}
bool is_readable(const PollDescriptor& poll) {
  return readable(poll.native_handle(), Watchdog{"nothing", 0ns});
}

struct Channel {
  TemporaryFolder folder;
  seqcast::Location location = folder.channel();
  NumberPublisher publisher{location};
  NumberSubscriber subscriber{location};
};

} // namespace

TEST_CASE("the helper thread starts with the first arm() and ends with the object") {
  Channel channel;
  NumberSubscriber other{channel.location};
  std::uint64_t first = 0; // a sanitizer starts a thread of its own with the first one
  std::jthread{[&] { first = static_cast<std::uint64_t>(thread_id()); }}.join();
  // The system may count a thread for a moment after it was joined.
  const auto task = std::filesystem::path{"/proc/self/task"} / std::to_string(first);
  wait_until("a thread to be gone", [&] { return !std::filesystem::exists(task); });
  const std::size_t before = threads();
  {
    PollDescriptor poll;
    CHECK(threads() == before);
    poll.arm({&channel.subscriber, &other});
    CHECK(threads() == before + 1);
  }
  wait_until("the helper thread to be gone", [&] { return threads() == before; });
}

TEST_CASE("the handle becomes readable for unread and for new messages, and stays readable until arm()") {
  for (const seqcast::Wakeup wakeup : wakeups) {
    CAPTURE(std::string{to_string(wakeup)});
    const TemporaryFolder folder;
    NumberPublisher publisher{folder.channel(), {.wakeup = wakeup}};
    NumberSubscriber subscriber{folder.channel()};
    publisher.publish(1);
    PollDescriptor poll;
    CHECK_FALSE(is_readable(poll));
    poll.arm(subscriber);
    REQUIRE(becomes_readable(poll));
    CHECK(drain(subscriber) == 1);
    CHECK(is_readable(poll));
    poll.arm(subscriber);
    CHECK_FALSE(is_readable(poll));
    publisher.publish(2);
    REQUIRE(becomes_readable(poll));
    poll.arm(subscriber); // without having read it
    REQUIRE(becomes_readable(poll));
    CHECK(drain(subscriber) == 1);
    poll.arm(subscriber);
    CHECK_FALSE(is_readable(poll));
  }
}

TEST_CASE("no message of ten thousand goes unnoticed, published one at a time or in bursts") {
  for (const bool one_at_a_time : {true, false}) {
    const TemporaryFolder folder;
    NumberPublisher publisher{folder.channel(), {.capacity = 16384}};
    NumberSubscriber subscriber{folder.channel()};
    PollDescriptor poll;
    poll.arm(subscriber);
    constexpr Number count = 10'000;
    std::atomic<Number> read{0};
    std::jthread thread{[&] {
      for (Number i = 1; i <= count; ++i) {
        if (one_at_a_time) wait_until("the last message to be read", [&] { return read == i - 1; });
        publisher.publish(i);
      }
    }};
    int rounds = 0;
    while (read < count) {
      REQUIRE(becomes_readable(poll));
      ++rounds;
      while (const auto message = subscriber.next()) {
        REQUIRE(message->message == read + 1);
        read = message->message;
      }
      poll.arm(subscriber);
    }
    MESSAGE("readable ", rounds, " times for ", count, " messages");
    CHECK(rounds >= 1);
  }
}

TEST_CASE("one loop serves more channels than the system waits for at once, with every kind of wakeup") {
  const TemporaryFolder folder;
  std::deque<NumberPublisher> publishers;
  std::deque<NumberSubscriber> subscribers;
  std::vector<AnySubscriber*> all;
  constexpr std::size_t channels = 150;
  for (std::size_t i = 0; i < channels; ++i) {
    const auto channel = folder.channel(std::to_string(i));
    publishers.emplace_back(channel, seqcast::PublisherOptions{.wakeup = wakeups[i % wakeups.size()]});
    all.push_back(&subscribers.emplace_back(channel));
  }
  PollDescriptor poll;
  poll.arm(all);
  std::jthread thread{[&] {
    for (Number i = 0; i < 20; ++i) {
      for (auto& publisher : publishers) publisher.publish(i);
    }
  }};
  std::uint64_t read = 0;
  const Watchdog watchdog{"all messages"};
  while (read < 20 * channels) {
    REQUIRE(readable(poll.native_handle(), watchdog));
    for (auto& subscriber : subscribers) read += drain(subscriber);
    poll.arm(all);
  }
  CHECK(read == 20 * channels);
}

TEST_CASE("a change of the publisher's state makes the handle readable once") {
  const TemporaryFolder folder;
  const auto channel = folder.channel();
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel};
  PollDescriptor poll;
  poll.arm(subscriber);
  CHECK(subscriber.wait_for(0ns) == WaitResult::timeout);
  publisher.reset();
  REQUIRE(becomes_readable(poll));
  CHECK(subscriber.wait_for(0ns) == WaitResult::closed);
  poll.arm(subscriber);
  CHECK_FALSE(readable(poll.native_handle(), Watchdog{"nothing", 250ms}));
  {
    const NumberPublisher brief{channel};
  } // opens and closes without a message: the state is the same as before
  REQUIRE(becomes_readable(poll));
  CHECK(subscriber.wait_for(0ns) == WaitResult::closed);
  poll.arm(subscriber);
  seqcast::remove_channel(channel);
  REQUIRE(becomes_readable(poll));
  CHECK(subscriber.wait_for(0ns) == WaitResult::superseded);
}

TEST_CASE("a subscriber that is named twice is watched once, and the end of its publisher is reported once") {
  const TemporaryFolder folder;
  { const NumberPublisher brief{folder.channel()}; }
  NumberSubscriber subscriber{folder.channel()};
  PollDescriptor poll;
  poll.arm({&subscriber, &subscriber});
  REQUIRE(becomes_readable(poll));
  CHECK(subscriber.wait_for(0ns) == WaitResult::closed);
  poll.arm({&subscriber, &subscriber});
  CHECK_FALSE(readable(poll.native_handle(), Watchdog{"nothing", 250ms}));
}

TEST_CASE("the end of one publisher is not missed while the handle is readable for another") {
  const TemporaryFolder folder;
  NumberPublisher busy{folder.channel("busy")};
  std::optional<NumberPublisher> brief{folder.channel("brief")};
  NumberSubscriber of_busy{folder.channel("busy")};
  NumberSubscriber of_brief{folder.channel("brief")};
  PollDescriptor poll;
  poll.arm({&of_busy, &of_brief});
  busy.publish(1);
  REQUIRE(becomes_readable(poll));
  test::drain(of_busy);
  CHECK(of_brief.wait_for(0ns) == WaitResult::timeout);
  brief.reset();
  // Time for the helper thread to notice the end now, which it must not.
  CHECK(of_busy.wait_for(300ms) == WaitResult::timeout);
  poll.arm({&of_busy, &of_brief});
  REQUIRE(becomes_readable(poll));
  CHECK(of_brief.wait_for(0ns) == WaitResult::closed);
}

TEST_CASE("each arm() names the subscribers that are watched, and the others may be destroyed") {
  Channel channel;
  const TemporaryFolder folder;
  NumberPublisher silent{folder.channel()};
  NumberSubscriber other{folder.channel()};
  PollDescriptor poll;
  for (Number i = 0; i < 200; ++i) {
    {
      NumberSubscriber subscriber{channel.location};
      poll.arm({&other, &subscriber});
      if (i % 2 == 0) {
        channel.publisher.publish(i);
        REQUIRE(becomes_readable(poll));
      }
    }
    poll.arm(other);
    channel.publisher.publish(i); // for a subscriber that is not watched
    REQUIRE_FALSE(is_readable(poll));
  }
  silent.publish(1);
  CHECK(becomes_readable(poll));
}

TEST_CASE("a subscriber may be moved, or destroyed, between two calls of arm()") {
  Channel channel;
  PollDescriptor poll;
  std::vector<NumberSubscriber> subscribers;
  subscribers.push_back(std::move(channel.subscriber));
  poll.arm(subscribers.front());
  for (int i = 0; i < 20; ++i) subscribers.emplace_back(channel.location); // moves the first one
  channel.publisher.publish(1);
  REQUIRE(becomes_readable(poll));
  CHECK(drain(subscribers.front()) == 1);
  poll.arm(subscribers.front());
  CHECK_FALSE(is_readable(poll));
  subscribers.clear();
  channel.publisher.publish(2); // the channel is still watched
  CHECK(becomes_readable(poll));
}

TEST_CASE("a subscriber that follows its channel's name to another region is still watched") {
  const TemporaryFolder folder;
  const auto channel = folder.channel();
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel, {.follow = true}};
  PollDescriptor poll;
  poll.arm(subscriber);
  for (Number i = 0; i < 5; ++i) {
    publisher.reset();
    seqcast::remove_channel(channel);
    publisher.emplace(channel);
    const Watchdog watchdog{"the new channel"};
    const auto moved_on = [&] {
      const auto epoch = subscriber.epoch();
      return epoch && epoch->number == 1 && subscriber.state() == seqcast::ChannelState::live;
    };
    while (!moved_on()) {
      watchdog.check();
      REQUIRE(becomes_readable(poll));
      (void)subscriber.wait_for(0ns);
      poll.arm(subscriber);
    }
    while (subscriber.wait_for(0ns) != WaitResult::timeout) drain(subscriber);
    poll.arm(subscriber);
    publisher->publish(i);
    std::uint64_t read = 0;
    while (read == 0) {
      REQUIRE(becomes_readable(poll));
      read += drain(subscriber);
      (void)subscriber.wait_for(0ns);
      poll.arm(subscriber);
    }
    CHECK(read == 1);
  }
}

TEST_CASE("a PollDescriptor that was moved keeps its handle and what it watches") {
  Channel channel;
  PollDescriptor first;
  first.arm(channel.subscriber);
  const auto handle = first.native_handle();
  PollDescriptor second{std::move(first)};
  CHECK(second.native_handle() == handle);
  channel.publisher.publish(1);
  CHECK(becomes_readable(second));
  drain(channel.subscriber);
  second.arm(channel.subscriber);
  PollDescriptor third;
  third.arm(channel.subscriber);
  third = std::move(second); // ends the third one's own thread
  CHECK(third.native_handle() == handle);
  channel.publisher.publish(2);
  CHECK(becomes_readable(third));
}
