// SPDX-License-Identifier: BSL-1.0
//
// Subscriber<T> as its user sees it: next() and latest() and what they count, where it begins and resumes, what
// it finds out about the publisher, and what a wait tells.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <optional>
#include <thread>

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

TEST_CASE("start oldest gives first what is still there, late joiners too, and counts none of it as lost") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel(), {.capacity = 8}};
  publish(publisher, 3);
  Subscriber<Number> early{folder.channel(), {.start = Start::oldest}};
  for (Number sequence = 1; sequence <= 3; ++sequence) is_next(early, sequence);
  publish(publisher, 27);
  Subscriber<Number> late{folder.channel(), {.start = Start::oldest}};
  CHECK(late.lag() == 7);
  for (Number sequence = 24; sequence <= 30; ++sequence) is_next(late, sequence);
  CHECK_FALSE(late.next());
}

TEST_CASE("a subscriber that was overrun reports exactly how many it lost") {
  struct Case {
    Resume resume;
    Number first;
  };
  for (const Case& c : {Case{Resume::half, 27}, Case{Resume::newest, 30}, Case{Resume::oldest, 24}}) {
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
    while (subscriber.wait_for(test::patience) == Wait::message && ++waits < 100) {
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
  const Number before = detail::monotonic_now();
  publish(publisher, 2);
  const Number after = detail::monotonic_now();
  const auto first = subscriber.next();
  const auto second = subscriber.next();
  CHECK(first->published_at_ns >= before);
  CHECK(second->published_at_ns >= first->published_at_ns);
  CHECK(second->published_at_ns <= after);
  CHECK(first->age() >= std::chrono::nanoseconds{after - first->published_at_ns});
  CHECK(subscriber.latest()->published_at_ns == second->published_at_ns);
}

TEST_CASE("without timestamps there is no publish time, and no age") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  publish(publisher, 1);
  const auto received = subscriber.next();
  CHECK(received->published_at_ns == 0);
  CHECK(received->age() == 0ns);
}

TEST_CASE("state follows the publisher: live, closed, live again") {
  const TemporaryFolder folder;
  std::optional<Publisher<Number>> publisher{std::in_place, folder.channel()};
  const Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.state() == State::live);
  CHECK(subscriber.publisher_alive());
  publisher.reset();
  CHECK(subscriber.state() == State::closed);
  CHECK_FALSE(subscriber.publisher_alive());
  publisher.emplace(folder.channel());
  CHECK(subscriber.state() == State::live);
  CHECK(subscriber.epoch().number == 2);
}

TEST_CASE("a wait tells of messages, of a timeout, and of the end, which it tells once") {
  const TemporaryFolder folder;
  std::optional<Publisher<Number>> publisher{std::in_place, folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.wait_for(0s) == Wait::timeout);
  CHECK(subscriber.wait_for(1ms) == Wait::timeout);
  publish(*publisher, 2);
  CHECK(subscriber.wait_for(test::patience) == Wait::message);
  CHECK(subscriber.wait_for(test::patience) == Wait::message); // until it is read
  is_next(subscriber, 1);
  publisher.reset();
  CHECK(subscriber.wait_for(test::patience) == Wait::message); // what was published before the end comes first
  is_next(subscriber, 2);
  CHECK(subscriber.wait_for(test::patience) == Wait::closed);
  CHECK(subscriber.wait_for(1ms) == Wait::timeout);

  publisher.emplace(folder.channel());
  CHECK(subscriber.wait_for(1ms) == Wait::timeout); // a new beginning is no news; its messages are
  publisher.reset();
  CHECK(subscriber.wait_for(test::patience) == Wait::closed); // but its end is
  CHECK(seqcast::remove(folder.channel()));
  CHECK(subscriber.wait_for(test::patience) == Wait::superseded);
  CHECK(subscriber.wait_for(1ms) == Wait::timeout);
}

TEST_CASE("the death of a publisher is told once, too") {
  const TemporaryFolder folder;
  { const Publisher<Number> publisher{folder.channel()}; }
  test::patch_file<std::uint64_t>(folder / "channel", 384, 1); // live, and yet nobody holds the lock
  Subscriber<Number> subscriber{folder.channel()};
  CHECK(subscriber.state() == State::no_publisher);
  CHECK(subscriber.wait_for(test::patience) == Wait::no_publisher);
  CHECK(subscriber.wait_for(1ms) == Wait::timeout);
}

TEST_CASE("a wait ends when a stop is requested, before it or during it") {
  const TemporaryFolder folder;
  const Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  std::stop_source before;
  before.request_stop();
  CHECK(subscriber.wait_for(60s, before.get_token()) == Wait::stopped);
  std::stop_source during;
  std::jthread stopper{[&] { during.request_stop(); }};
  CHECK(subscriber.wait_for(std::chrono::nanoseconds::max(), during.get_token()) == Wait::stopped);
}

TEST_CASE("a message that another thread publishes ends a wait") {
  const TemporaryFolder folder;
  Publisher<Number> publisher{folder.channel()};
  Subscriber<Number> subscriber{folder.channel()};
  for (Number sequence = 1; sequence <= 50; ++sequence) {
    std::jthread other{[&] { publish(publisher, 1); }};
    CHECK(subscriber.wait_for(60s) == Wait::message);
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

TEST_CASE("open() gives nothing and no_channel where there is none yet") {
  const TemporaryFolder folder;
  std::error_code error;
  CHECK_FALSE(Subscriber<Number>::open(folder.channel(), {}, error));
  CHECK(error == Errc::no_channel);
  CHECK(error == std::errc::no_such_file_or_directory);
  const Publisher<Number> publisher{folder.channel()};
  CHECK(Subscriber<Number>::open(folder.channel(), {}, error));
  CHECK_FALSE(error);
}
