// SPDX-License-Identifier: BSL-1.0
//
// Truncation under a subscriber: between reads, at any page of a copy, while it waits; with the option
// survive_truncation, and what happens without it. truncation_handlers_process_test.cpp is about the signal
// handlers of the application.
#include "support/checked_payload.hpp"
#include "support/child.hpp"
#include "support/temporary.hpp"
#include "support/truncation.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <ctime>
#include <thread>

using namespace test;
using namespace std::chrono_literals;
using seqcast::Errc;
using seqcast::State;
using seqcast::Wait;

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t message_size = 3 * page + 1;
constexpr seqcast::SubscriberOptions surviving{.start = seqcast::Start::oldest, .survive_truncation = true};

struct Channel {
  explicit Channel(seqcast::PublisherOptions options = {}) {
    options.capacity = 8;
    options.max_message_size = message_size;
    publisher.emplace(place(), options);
  }
  seqcast::Location place() const {
    return seqcast::file(folder / "channel");
  }
  std::string path() const {
    return folder / "channel";
  }
  void publish(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      fill_payload(message, publisher->head() + 1);
      publisher->publish(message);
    }
  }

  TemporaryFolder folder;
  std::vector<std::byte> message = std::vector<std::byte>(message_size);
  std::optional<seqcast::BytePublisher> publisher; // not to be used, nor ended, once its file is short
};

/// The publisher is not protected: its destructor would store into the file. So it goes first.
void close_and_cut(Channel& channel, off_t size) {
  channel.publisher.reset();
  cut(channel.path(), size);
}

void has_had_it(seqcast::ByteSubscriber& subscriber) {
  const std::uint64_t cursor = subscriber.cursor();
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(subscriber.next());
    CHECK(subscriber.error() == Errc::truncated);
    CHECK_FALSE(subscriber.latest());
    CHECK(subscriber.error() == Errc::truncated);
  }
  CHECK(subscriber.cursor() == cursor);
  CHECK(subscriber.lag() == 0);
  CHECK(subscriber.epoch().number == 0);
  CHECK(subscriber.wakeup() == seqcast::Wakeup::polling);
  std::error_code error;
  CHECK_FALSE(subscriber.reopen(error));
}

} // namespace

TEST_CASE("without the option a look beyond the end of a truncated file kills the subscriber") {
  Channel channel;
  channel.publish(3);
  Child child{[&](Line& line) {
    no_core();
    seqcast::ByteSubscriber subscriber{channel.place(), {.start = seqcast::Start::oldest}};
    line.send(subscriber.next().has_value());
    line.expect<bool>();
    subscriber.next();
  }};
  CHECK(child.line().expect<bool>());
  close_and_cut(channel, 0);
  child.line().send(true);
  CHECK(child.wait() == Ended{-1, SIGBUS});
}

TEST_CASE("a subscriber that survives a truncation is told so, and is given nothing more") {
  for (const off_t size : {0, 1, 512, 4096, 5 * 4096, 13 * 4096, 20 * 4096}) {
    CAPTURE(size);
    Channel channel;
    channel.publish(9); // the last of them is in the first slot
    seqcast::ByteSubscriber subscriber{channel.place(), surviving};
    const auto first = subscriber.next();
    REQUIRE(first);
    CHECK(is_whole(first->message, first->sequence));
    close_and_cut(channel, size);
    std::uint64_t calls = 0;
    for (;; ++calls) {
      const auto received = subscriber.next();
      if (!received) break;
      CHECK(is_whole(received->message, received->sequence));
    }
    CHECK(calls <= 8);
    has_had_it(subscriber);
    CHECK(subscriber.state() == State::no_publisher);
  }
}

TEST_CASE("a message whose copy is interrupted by the truncation, at any of its pages, is not delivered") {
  for (std::size_t at = 0; at <= message_size / page; ++at) {
    for (const off_t size : {0, 4096, 2 * 4096, 3 * 4096}) {
      CAPTURE(at);
      CAPTURE(size);
      Channel channel;
      channel.publish(1);
      seqcast::ByteSubscriber subscriber{channel.place(), surviving};
      CHECK(subscriber.next());
      channel.publish(6);
      channel.publisher.reset();
      TrapBuffer buffer{message_size, at, [&] { cut(channel.path(), size); }};
      std::optional<seqcast::ReceivedBytes> received = {};
      SUBCASE("next") {
        // Slot 2 begins beyond the third page.
        received = subscriber.next(buffer.bytes());
      }
      SUBCASE("latest") {
        received = subscriber.latest(buffer.bytes());
      }
      CHECK(buffer.sprung());
      CHECK_FALSE(received);
      has_had_it(subscriber);
    }
  }
}

TEST_CASE("a waiting subscriber is told once, and then waits without spinning") {
  seqcast::PublisherOptions options;
  SUBCASE("on the doorbell") {}
  SUBCASE("on the wake word, which is truncated with the region") {
    options.wake_always = true;
  }
  SUBCASE("polling") {
    options.doorbell = false;
  }
  off_t size = 0;
  SUBCASE("to nothing") {}
  SUBCASE("to the header") {
    size = 512;
  }
  SUBCASE("behind the slot that it waits on") {
    size = 5 * 4096;
  }
  Channel channel{options};
  seqcast::ByteSubscriber subscriber{channel.place(), surviving};
  channel.publisher.reset();
  CHECK(subscriber.wait_for(patience) == Wait::closed);
  std::jthread other{[&] {
    // Either before or within the wait: both have to end it.
    cut(channel.path(), size);
  }};
  CHECK(subscriber.wait_for(patience) == Wait::message);
  has_had_it(subscriber);

  Wait reason = subscriber.wait_for(50ms);
  while (reason == Wait::no_publisher) reason = subscriber.wait_for(50ms); // the zeros do not say "closed"
  const auto begin = steady::now();
  const auto used = thread_time();
  CHECK(subscriber.wait_for(300ms) == Wait::timeout);
  CHECK(2 * (thread_time() - used) < steady::now() - begin);
  has_had_it(subscriber);
}

TEST_CASE("a truncated bell costs a subscriber nothing but its sleep") {
  Channel channel;
  seqcast::ByteSubscriber subscriber{channel.place(), surviving};
  CHECK(subscriber.wait_for(1ms) == Wait::timeout); // now it has the bell
  CHECK(subscriber.wakeup() == seqcast::Wakeup::doorbell);
  channel.publisher.reset();
  cut(channel.path() + ".bell", 0);
  CHECK(subscriber.wait_for(patience) == Wait::closed);
  CHECK(subscriber.wait_for(1ms) == Wait::timeout);
  CHECK(subscriber.wakeup() == seqcast::Wakeup::polling);
  CHECK(::unlink((channel.path() + ".bell").c_str()) == 0);
  channel.publisher.emplace(channel.place());
  channel.publish(1);
  CHECK(subscriber.wait_for(patience) == Wait::message);
  CHECK(subscriber.next());
  CHECK(subscriber.wakeup() == seqcast::Wakeup::doorbell);
}

TEST_CASE("truncation ends one region for all its subscribers, and no other region") {
  Channel one;
  Channel two;
  one.publish(2);
  two.publish(2);
  std::vector<seqcast::ByteSubscriber> hit;
  for (int i = 0; i < 20; ++i) hit.emplace_back(one.place(), surviving); // they move as the vector grows
  seqcast::ByteSubscriber spared{two.place(), surviving};
  close_and_cut(one, 0);
  for (auto& subscriber : hit) has_had_it(subscriber);
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
    const auto received = spared.next();
    REQUIRE(received);
    CHECK(is_whole(received->message, sequence));
  }
  CHECK_FALSE(spared.next());
  CHECK_FALSE(spared.error());
}

TEST_CASE("a subscriber whose region was truncated moves on to the next one, which is protected too") {
  Channel channel;
  channel.publish(1);
  seqcast::ByteSubscriber subscriber{channel.place(), surviving};
  for (int round = 0; round < 3; ++round) {
    close_and_cut(channel, 0);
    has_had_it(subscriber);
    channel.publisher.emplace(channel.place(),
                              seqcast::PublisherOptions{.capacity = 8, .max_message_size = message_size});
    channel.publish(1);
    CHECK(subscriber.state() == State::superseded);
    CHECK(subscriber.reopen());
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(is_whole(received->message, 1));
  }
}

TEST_CASE("a Notifier's descriptor becomes readable when a region is truncated, though its publisher lives") {
  Channel channel;
  channel.publisher.reset();
  Child publisher{[&](Line& line) {
    const seqcast::BytePublisher own{channel.place()};
    line.send(true);
    line.expect<bool>(); // never comes
  }};
  CHECK(publisher.line().expect<bool>());
  seqcast::ByteSubscriber subscriber{channel.place(), surviving};
  seqcast::Notifier notifier;
  notifier.add(subscriber);
  cut(channel.path(), 0);
  CHECK(readable(notifier.descriptor(), Watchdog{"the notifier to tell of the truncation"}));
  CHECK(subscriber.state() == State::live);
  has_had_it(subscriber);
  CHECK(publisher.kill() == ended_killed);
}

TEST_CASE("readers of a live publisher's messages have none of them torn when the file is truncated") {
  std::uint64_t received = 0;
  for (int round = 0; round < 20; ++round) {
    Channel channel;
    channel.publisher.reset();
    Child publisher{[&](Line&) {
      no_core();
      seqcast::BytePublisher own{channel.place()};
      for (;;) {
        fill_payload(channel.message, own.head() + 1);
        own.publish(channel.message);
      }
    }};
    seqcast::ByteSubscriber subscriber{channel.place(), surviving};
    std::uint64_t before = 0;
    int in_round = 0;
    wait_until("the truncation to be noticed", [&] {
      const auto next = subscriber.next();
      // wait_for() looks at the file: where the publisher has died within the cut, no slot tells.
      if (!next && !subscriber.error()) subscriber.wait_for(1ms);
      if (!next) return subscriber.error() == Errc::truncated;
      CHECK(is_whole(next->message, next->sequence));
      CHECK(next->sequence > before);
      before = next->sequence;
      ++received;
      ++in_round;
      if (in_round == 100 + round) cut(channel.path(), (round % 5) * 4 * 4096);
      return false;
    });
    has_had_it(subscriber);
    CHECK(publisher.wait() == Ended{-1, SIGBUS}); // a publisher is not protected
  }
  CHECK(received >= 20 * 100);
  MESSAGE(received << " messages received in 20 rounds, each ended by a truncation");
}
