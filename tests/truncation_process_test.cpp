// SPDX-License-Identifier: BSL-1.0
//
// Truncation under a subscriber: between reads, at any page of a copy, during a wait; with the option
// survive_truncation, and without it. truncation_handlers_process_test.cpp tests the signal handlers of
// the application.
#include "support/checked_payload.hpp"
#include "support/child.hpp"
#include "support/intercepted_calls.hpp"
#include "support/temporary.hpp"
#include "support/truncation.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <ctime>
#include <thread>

using namespace test;
using namespace std::chrono_literals;
using seqcast::ChannelState;
using seqcast::Errc;
using seqcast::WaitResult;

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t message_size = 3 * page + 1;
constexpr seqcast::SubscriberOptions surviving{.start = seqcast::StartPosition::oldest,
                                               .survive_truncation = true};

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

/// The publisher is not protected: its destructor would store into the file. So it is destroyed first.
void close_and_cut(Channel& channel, off_t size) {
  channel.publisher.reset();
  cut(channel.path(), size);
}

void check_ended(seqcast::ByteSubscriber& subscriber) {
  const std::uint64_t cursor = subscriber.cursor();
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(subscriber.next());
    CHECK(subscriber.error() == Errc::truncated);
    CHECK_FALSE(subscriber.latest());
    CHECK(subscriber.error() == Errc::truncated);
  }
  CHECK(subscriber.cursor() == cursor);
  CHECK(subscriber.lag() == 0);
  CHECK_FALSE(subscriber.epoch());
  CHECK(subscriber.wakeup() == seqcast::Wakeup::polling);
  seqcast::Error error;
  CHECK_FALSE(subscriber.reopen(error));
}

} // namespace

TEST_CASE("without the option a read beyond the end of a truncated file kills the subscriber") {
  Channel channel;
  channel.publish(3);
  Child child{[&](Line& line) {
    no_core();
    seqcast::ByteSubscriber subscriber{channel.place(), {.start = seqcast::StartPosition::oldest}};
    line.send(subscriber.next().has_value());
    line.expect<bool>();
    (void)subscriber.next();
  }};
  CHECK(child.line().expect<bool>());
  close_and_cut(channel, 0);
  child.line().send(true);
  CHECK(child.wait() == Ended{-1, SIGBUS});
}

TEST_CASE("a subscriber that survives a truncation reports it, and delivers nothing more") {
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
    check_ended(subscriber);
    CHECK(subscriber.state() == ChannelState::no_publisher);
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
      CHECK(buffer.was_written());
      CHECK_FALSE(received);
      check_ended(subscriber);
    }
  }
}

TEST_CASE("a waiting subscriber reports a truncation once, and then waits without spinning") {
  seqcast::PublisherOptions options;
  SUBCASE("on the doorbell") {}
  SUBCASE("on the wake word, which is truncated with the region") {
    options.wakeup = seqcast::Wakeup::every_message;
  }
  SUBCASE("polling") {
    options.wakeup = seqcast::Wakeup::polling;
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
  CHECK(subscriber.wait_for(watchdog_timeout) == WaitResult::closed);
  std::jthread other{[&] {
    // Either before or within the wait: both have to end it.
    cut(channel.path(), size);
  }};
  CHECK(subscriber.wait_for(watchdog_timeout) == WaitResult::message);
  check_ended(subscriber);

  WaitResult reason = subscriber.wait_for(50ms);
  while (reason == WaitResult::no_publisher) reason = subscriber.wait_for(50ms); // zeros are not "closed"
  clock_readings = 0;
  CHECK(subscriber.wait_for(300ms) == WaitResult::timeout);
  CHECK(clock_readings <= 2 * 350); // a round begins with a pause that grows to 1 ms
  check_ended(subscriber);
}

TEST_CASE("a truncated bell costs a subscriber nothing but its sleep") {
  Channel channel;
  seqcast::ByteSubscriber subscriber{channel.place(), surviving};
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout); // now it has the bell
  CHECK(subscriber.wakeup() == seqcast::Wakeup::bell);
  channel.publisher.reset();
  cut(channel.path() + ".bell", 0);
  CHECK(subscriber.wait_for(watchdog_timeout) == WaitResult::closed);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  CHECK(subscriber.wakeup() == seqcast::Wakeup::polling);
  CHECK(::unlink((channel.path() + ".bell").c_str()) == 0);
  channel.publisher.emplace(channel.place());
  channel.publish(1);
  CHECK(subscriber.wait_for(watchdog_timeout) == WaitResult::message);
  CHECK(subscriber.next());
  CHECK(subscriber.wakeup() == seqcast::Wakeup::bell);
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
  for (auto& subscriber : hit) check_ended(subscriber);
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
    check_ended(subscriber);
    channel.publisher.emplace(channel.place(),
                              seqcast::PublisherOptions{.capacity = 8, .max_message_size = message_size});
    channel.publish(1);
    CHECK(subscriber.state() == ChannelState::superseded);
    CHECK(subscriber.reopen());
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(is_whole(received->message, 1));
  }
}

TEST_CASE("a PollDescriptor becomes readable when a region is truncated although its publisher is alive") {
  Channel channel;
  channel.publisher.reset();
  Child publisher{[&](Line& line) {
    const seqcast::BytePublisher own{channel.place()};
    line.send(true);
    line.expect<bool>(); // there is none
  }};
  CHECK(publisher.line().expect<bool>());
  seqcast::ByteSubscriber subscriber{channel.place(), surviving};
  seqcast::PollDescriptor poll;
  poll.arm(subscriber);
  cut(channel.path(), 0);
  CHECK(readable(poll.native_handle(), Watchdog{"the handle of a truncated region"}));
  CHECK(subscriber.state() == ChannelState::live);
  check_ended(subscriber);
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
      // wait_for() checks the size of the file: where the publisher crashed during the cut, no slot shows it.
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
    check_ended(subscriber);
    CHECK(publisher.wait() == Ended{-1, SIGBUS}); // a publisher is not protected
  }
  CHECK(received >= 20 * 100);
  MESSAGE(received << " messages received in 20 rounds, each ended by a truncation");
}

TEST_CASE("next_for() reports a truncation once, and then waits") {
  const test::TemporaryFolder folder;
  { const seqcast::Publisher<std::uint64_t> publisher{folder.channel()}; }
  seqcast::Subscriber<std::uint64_t> subscriber{folder.channel(), {.survive_truncation = true}};
  std::filesystem::resize_file(folder.channel().name(), 0);
  CHECK_FALSE(subscriber.next_for(std::chrono::seconds{30}));
  CHECK(subscriber.error() == seqcast::Errc::truncated);
  CHECK(subscriber.wait_result() == seqcast::WaitResult::message);
  // Whatever else there is to report, a timeout comes after it.
  while (subscriber.wait_result() != seqcast::WaitResult::timeout) {
    CHECK_FALSE(subscriber.next_for(std::chrono::milliseconds{1}));
  }
  CHECK(subscriber.error() == seqcast::Errc::truncated);
}
