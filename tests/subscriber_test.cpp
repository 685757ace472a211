// SPDX-License-Identifier: BSL-1.0
//
// Subscriber<T> as its user sees it: next() and latest() and what they count, where it begins and resumes, the
// state of the publisher, and what a wait reports.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <array>
#include <optional>
#include <thread>
#include <vector>

using namespace seqcast;
using namespace std::chrono_literals;
using test::TemporaryFolder;

namespace {

using Number = std::uint64_t;

void publish(Publisher<Number>& publisher, int count) {
  for (int i = 0; i < count; ++i) publisher.publish((publisher.head() + 1) * 100);
}

void is_next(Subscriber<Number>& subscriber, Number sequence, Number lost = 0) {
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->sequence == sequence);
  CHECK(received->message == sequence * 100);
  CHECK(received->lost == lost);
  CHECK(subscriber.cursor() == sequence);
  CHECK_FALSE(subscriber.error());
}

} // namespace

TEST_CASE("next() gives what is published after opening, each message once") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  publish(publisher, 3);
  Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.cursor() == 3);
  CHECK(subscriber.lag() == 0);
  CHECK_FALSE(subscriber.next());
  CHECK_FALSE(subscriber.error());
  publish(publisher, 2);
  CHECK(subscriber.lag() == 2);
  is_next(subscriber, 4);
  CHECK(subscriber.lag() == 1);
  is_next(subscriber, 5);
  CHECK_FALSE(subscriber.next());
}

TEST_CASE("a batch gives what there is, in order, up to the room for it") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.capacity = 16}};
  Subscriber<Number> subscriber{folder.channel()};
  std::array<Number, 4> messages{};
  CHECK_FALSE(subscriber.next(messages));
  const std::vector<Number> sent{100, 200, 300, 400, 500, 600};
  CHECK(publisher.publish(sent) == 6);
  CHECK(publisher.publish(std::span<const Number>{}) == 6);
  CHECK_FALSE(subscriber.next(std::span<Number>{}));
  auto batch = subscriber.next(messages);
  CHECK(batch.count == 4);
  CHECK(batch.sequence == 1);
  CHECK(batch.lost == 0);
  CHECK(messages == std::array<Number, 4>{100, 200, 300, 400});
  CHECK(subscriber.cursor() == 4);
  CHECK(subscriber.lag() == 2);
  batch = subscriber.next(messages);
  CHECK(batch.count == 2);
  CHECK(batch.sequence == 5);
  CHECK(messages[0] == 500);
  CHECK(messages[1] == 600);
  CHECK_FALSE(subscriber.next(messages));
  CHECK_FALSE(subscriber.error());
  publish(publisher, 1);
  is_next(subscriber, 7);
}

TEST_CASE("a batch after an overrun says how many are lost, and goes round the end of the ring") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.capacity = 8}};
  Subscriber<Number> subscriber{folder.channel(), {.resume = ResumePosition::oldest}};
  publish(publisher, 30);
  std::array<Number, 16> messages{};
  const auto batch = subscriber.next(messages);
  CHECK(batch.sequence == 24);
  CHECK(batch.count == 7);
  CHECK(batch.lost == 23);
  for (std::size_t i = 0; i < batch.count; ++i) CHECK(messages[i] == (24 + i) * 100);
  publish(publisher, 1);
  is_next(subscriber, 31);
}

TEST_CASE("a batch of messages with a publish time gives them the same one") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.timestamps = true}};
  Subscriber<Number> subscriber{folder.channel()};
  publisher.publish(std::vector<Number>{100, 200});
  const auto first = subscriber.next();
  const auto second = subscriber.next();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->published_at);
  CHECK(first->published_at == second->published_at);
}

TEST_CASE("start oldest gives first what is still there, late joiners too, and counts none of it as lost") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.capacity = 8}};
  publish(publisher, 3);
  Subscriber<Number> early{folder.channel(), {.start = StartPosition::oldest}};
  for (Number sequence = 1; sequence <= 3; ++sequence) is_next(early, sequence);
  publish(publisher, 27);
  Subscriber<Number> late{folder.channel(), {.start = StartPosition::oldest}};
  CHECK(late.lag() == 7);
  for (Number sequence = 24; sequence <= 30; ++sequence) is_next(late, sequence);
  CHECK_FALSE(late.next());
}

TEST_CASE("a subscriber that was overrun reports exactly how many it lost") {
  struct Case {
    ResumePosition resume;
    Number first;
  };
  for (const Case& c :
       {Case{ResumePosition::half, 27}, Case{ResumePosition::newest, 30}, Case{ResumePosition::oldest, 24}}) {
    const TemporaryFolder folder;
    Publisher<Number> publisher{folder.channel(), {.capacity = 8}};
    Subscriber<Number> subscriber{folder.channel(), {.resume = c.resume}};
    publish(publisher, 2);
    is_next(subscriber, 1);
    publish(publisher, 28);
    CHECK(subscriber.lag() == 29);
    is_next(subscriber, c.first, c.first - 2);
    for (Number sequence = c.first + 1; sequence <= 30; ++sequence) is_next(subscriber, sequence);
    CHECK_FALSE(subscriber.next());
  }
}

TEST_CASE("a subscriber any number of messages behind an idle publisher gets a message by its first call") {
  const TemporaryFolder folder;
  for (const std::uint64_t capacity : {2U, 4U, 8U, 64U}) {
    for (const ResumePosition resume : {ResumePosition::half, ResumePosition::newest, ResumePosition::oldest}) {
      for (std::uint64_t behind = 1; behind <= 3 * capacity; ++behind) {
        CAPTURE(capacity);
        CAPTURE(static_cast<int>(resume));
        CAPTURE(behind);
        const Location place = file(folder / "channel");
        Publisher<Number> publisher{place, {.capacity = capacity, .remove_on_close = true}};
        Subscriber<Number> subscriber{place, {.resume = resume}};
        for (std::uint64_t i = 1; i <= behind; ++i) publisher.publish(i);
        std::uint64_t received = 0;
        std::uint64_t lost = 0;
        while (const auto found = subscriber.next()) {
          CHECK(found->message == found->sequence);
          lost += found->lost;
          ++received;
        }
        CHECK_FALSE(subscriber.error());
        CHECK(received > 0);
        CHECK(received + lost == behind);
        if (behind < capacity) CHECK(lost == 0);
      }
    }
  }
}

TEST_CASE("a subscriber that fell behind a publisher that has closed gets the rest, without spinning") {
  const TemporaryFolder folder;
  for (int published = 8; published <= 40; ++published) {
    const Location location = folder.channel(std::to_string(published));
    std::optional<Publisher<Number>> publisher{std::in_place, location, PublisherOptions{.capacity = 8}};
    Subscriber<Number> subscriber{location};
    publish(*publisher, published);
    publisher.reset();
    Number received = 0;
    Number lost = 0;
    int waits = 0;
    while (subscriber.wait_for(test::watchdog_timeout) == WaitResult::message && ++waits < 100) {
      while (const auto message = subscriber.next()) {
        ++received;
        lost += message->lost;
      }
    }
    CHECK(received + lost == static_cast<Number>(published));
    CHECK(received >= 4);
    CHECK(waits == 1);
  }
}

TEST_CASE("latest() gives the newest, seen before or not, and next() goes on after it") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  CHECK_FALSE(subscriber.latest());
  publish(publisher, 5);
  CHECK(subscriber.latest()->sequence == 5);
  CHECK(subscriber.latest()->sequence == 5);
  CHECK(subscriber.lag() == 0);
  CHECK_FALSE(subscriber.next());
  publish(publisher, 3);
  is_next(subscriber, 6); // skipping was by choice: nothing is lost
  const auto newest = subscriber.latest();
  REQUIRE(newest);
  CHECK(newest->sequence == 8);
  CHECK(newest->message == 800);
  CHECK(newest->lost == 0);
  CHECK(subscriber.cursor() == 8);
}

TEST_CASE("latest() at once gives the newest there is, to a subscriber that starts at the newest") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  publish(publisher, 5);
  Subscriber<Number> subscriber{folder.channel()};
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.latest()->message == 500);
}

TEST_CASE("two subscribers are independent of one another") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.capacity = 8}};
  Subscriber<Number> eager{folder.channel()};
  Subscriber<Number> lazy{folder.channel()};
  for (int i = 1; i <= 20; ++i) {
    publish(publisher, 1);
    is_next(eager, static_cast<Number>(i));
  }
  CHECK(eager.lag() == 0);
  CHECK(lazy.lag() == 20);
  is_next(lazy, 17, 16);
  CHECK_FALSE(eager.next());
}

TEST_CASE("timestamps tell the age of a message, and do not run backwards") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.timestamps = true}};
  Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.timestamps());
  const auto before = std::chrono::steady_clock::now();
  publish(publisher, 2);
  const auto after = std::chrono::steady_clock::now();
  const auto first = subscriber.next();
  const auto second = subscriber.next();
  REQUIRE((first->published_at && second->published_at));
  CHECK(*first->published_at >= before);
  CHECK(*second->published_at >= *first->published_at);
  CHECK(*second->published_at <= after);
  CHECK(first->age().value() >= after - *first->published_at);
  CHECK(subscriber.latest()->published_at == second->published_at);
}

TEST_CASE("without timestamps there is no publish time, and no age") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  publish(publisher, 1);
  const auto received = subscriber.next();
  CHECK_FALSE(received->published_at);
  CHECK_FALSE(received->age());
}

TEST_CASE("state follows the publisher: live, closed, live again") {
  const TemporaryFolder folder;
  std::optional<Publisher<Number>> publisher{std::in_place, folder.channel()};
  const Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.state() == ChannelState::live);
  CHECK(subscriber.publisher_alive());
  publisher.reset();
  CHECK(subscriber.state() == ChannelState::closed);
  CHECK_FALSE(subscriber.publisher_alive());
  publisher.emplace(folder.channel());
  CHECK(subscriber.state() == ChannelState::live);
  CHECK(subscriber.epoch().value().number == 2);
}

TEST_CASE("a wait reports messages, a timeout, and the end, which it reports once") {
  const TemporaryFolder folder;
  std::optional<Publisher<Number>> publisher{std::in_place, folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.wait_for(0s) == WaitResult::timeout);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  publish(*publisher, 2);
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::message);
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::message); // until it is read
  is_next(subscriber, 1);
  publisher.reset();
  CHECK(subscriber.wait_for(test::watchdog_timeout) ==
        WaitResult::message); // what was published before the end comes first
  is_next(subscriber, 2);
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::closed);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);

  publisher.emplace(folder.channel());
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout); // a new beginning is no news; its messages are
  publisher.reset();
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::closed); // but its end is
  CHECK(seqcast::remove_channel(folder.channel()));
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::superseded);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
}

TEST_CASE("the crash of a publisher is reported once, too") {
  const TemporaryFolder folder;
  { const Publisher<Number> publisher{folder.channel()}; }
  test::patch_file<std::uint64_t>(folder / "channel", 384, 1); // live, although no process holds the lock
  Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.state() == ChannelState::no_publisher);
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::no_publisher);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
}

TEST_CASE("a wait ends when a stop is requested, before it or during it") {
  const TemporaryFolder folder;
  const Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  std::stop_source before;
  before.request_stop();
  CHECK(subscriber.wait_for(60s, before.get_token()) == WaitResult::stopped);
  std::stop_source during;
  std::jthread stopper{[&] { during.request_stop(); }};
  CHECK(subscriber.wait_for(std::chrono::nanoseconds::max(), during.get_token()) == WaitResult::stopped);
}

TEST_CASE("a message that another thread publishes ends a wait") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  for (Number sequence = 1; sequence <= 50; ++sequence) {
    std::jthread other{[&] { publish(publisher, 1); }};
    CHECK(subscriber.wait_for(60s) == WaitResult::message);
    is_next(subscriber, sequence);
  }
}

TEST_CASE("a subscriber that is moved goes on where it was") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  std::optional<Subscriber<Number>> first{std::in_place, folder.channel()};
  publish(publisher, 3);
  is_next(*first, 1);
  Subscriber<Number> second{std::move(*first)};
  first.reset();
  is_next(second, 2);
  Subscriber<Number> third{folder.channel()};
  third = std::move(second);
  is_next(third, 3);
  second = std::move(third);
  CHECK_FALSE(second.next());
}

TEST_CASE("open() gives nothing and no_channel where there is no channel yet") {
  const TemporaryFolder folder;
  seqcast::Error error;
  CHECK_FALSE(Subscriber<Number>::open(folder.channel(), {}, error));
  CHECK(error == Errc::no_channel);
  CHECK(error == std::errc::no_such_file_or_directory);
  const Publisher<Number> publisher{folder.channel()};
  CHECK(Subscriber<Number>::open(folder.channel(), {}, error));
  CHECK_FALSE(error);
}
