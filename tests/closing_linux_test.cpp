// SPDX-License-Identifier: BSL-1.0
//
// A publisher that closes, or is superseded, just before or just after any sleep of a waiting subscriber: the
// wait reports that then, and not one sleep later. Likewise a request to stop, and a message, which may come at
// any reading of the clock. And a message whose ring is missed just before the first sleep: that sleep is short
// (decision 0001). Time does not matter: the tests act directly before and after a sleep, at a reading of the
// clock, and before and after a query of the lock; they count the sleeps that ended by their timeout, and read the
// timeout that the first one is given.
#include "support/after_crash.hpp"
#include "support/intercepted_calls.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace test;

namespace {

thread_local bool has_slept = false;

/// Runs an action at one of the places that a wait passes, and counts from there on.
struct Trap final : Hooks {
  Trap(Place where, std::uint64_t passing, std::function<void()> what)
      : place{where}, number{passing}, action{std::move(what)} {}

  bool begin_sleep(steady::time_point& end) override {
    ++sleeps;
    has_slept = true;
    if (place == Place::before_sleep && !done) timeout = end - steady::now();
    pass(Place::before_sleep);
    return done && !over();
  }
  void pass(Place where) override {
    if (where == Place::clock && done && has_slept) ++later_readings;
    if (where != place || done || ++passed != number) return;
    action();
    done = true;
  }

  Place place;
  std::uint64_t number; // of passing it; the first is 1
  std::function<void()> action;
  std::function<bool()> over = [] { return false; }; // the end was reported: later sleeps do not count
  std::uint64_t passed = 0;
  std::uint64_t sleeps = 0;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> later_readings{0}; // of the clock, by the thread that slept
  std::chrono::nanoseconds timeout{};           // of the last sleep before which it was not done
};

/// Checks that `wait` ends by a close at each of the first places, without one more sleep, and without a loop
/// that does not sleep.
template <class Wait>
void close_everywhere(const seqcast::PublisherOptions& options, const Wait& wait, bool publisher_lives = true) {
  for (const Place place : {Place::before_sleep, Place::after_sleep, Place::before_query, Place::after_query}) {
    const bool query = place == Place::before_query || place == Place::after_query;
    if (query && !publisher_lives) continue; // the lock of a closed channel is not queried
    for (const std::uint64_t number : {1U, 2U, 3U}) {
      CAPTURE(static_cast<int>(place));
      CAPTURE(number);
      const TemporaryFolder folder;
      std::optional<NumberPublisher> publisher{std::in_place, folder.channel(), options};
      NumberSubscriber subscriber{folder.channel(), {.strategy = seqcast::WaitStrategy::sleep}};
      Trap here{place, number, [&] { publisher.reset(); }};
      has_slept = false;
      wait(subscriber, here);
      CHECK(here.done);
      CHECK(here.timed_out.load() == 0);
      CHECK(here.later_readings.load() < 5000); // a loop reads it more often in 100 ms
    }
  }
}

const seqcast::PublisherOptions all_options[] = {
    {},
    {.wakeup = seqcast::Wakeup::every_message},
    {.remove_on_close = true},
    {.wakeup = seqcast::Wakeup::every_message, .remove_on_close = true}};

} // namespace

TEST_CASE("a close before or after any sleep of a wait is reported without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(std::string{to_string(options.wakeup.value_or(seqcast::Wakeup::bell))});
    close_everywhere(options, [&](NumberSubscriber& subscriber, Trap& here) {
      const Installed trap{here};
      CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
    });
  }
}

TEST_CASE("a close before or after any sleep on several words is reported without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(std::string{to_string(options.wakeup.value_or(seqcast::Wakeup::bell))});
    close_everywhere(options, [&](NumberSubscriber& subscriber, Trap& here) {
      const TemporaryFolder other;
      const NumberPublisher silent{other.channel()};
      NumberSubscriber idle{other.channel(), {.strategy = seqcast::WaitStrategy::sleep}};
      const std::stop_source stop;
      const Installed trap{here};
      const auto found = seqcast::wait_any({&idle, &subscriber}, long_timeout, stop.get_token());
      CHECK(found.subscriber == &subscriber);
      CHECK(found.reason == WaitResult::closed);
    });
  }
}

TEST_CASE("a replacement or removal before or after any sleep of a wait is reported without another sleep") {
  for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::every_message}) {
    for (const bool removed : {false, true}) {
      CAPTURE(std::string{to_string(wakeup)});
      CAPTURE(removed);
      const auto wait = [&](NumberSubscriber& subscriber, Trap& here) {
        here.action(); // the end of the first publisher, which is no matter here
        CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
        std::optional<NumberPublisher> other;
        here.action = [&] {
          if (removed) {
            CHECK(seqcast::remove_channel(subscriber.location()));
          } else {
            other.emplace(subscriber.location(),
                          seqcast::PublisherOptions{.capacity = 8, .wakeup = wakeup, .replace = true});
          }
        };
        const Installed trap{here};
        CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
      };
      close_everywhere({.capacity = 4, .wakeup = wakeup}, wait, false);
    }
  }
}

TEST_CASE("a request to stop before or after any sleep of a wait ends it without another sleep, and wakes") {
  close_everywhere({}, [&](NumberSubscriber& subscriber, Trap& here) {
    std::stop_source stop;
    std::uint64_t wakes_of_stop = 0;
    here.action = [&] {
      const std::uint64_t before = wakes;
      stop.request_stop();
      wakes_of_stop = wakes - before;
    };
    const Installed trap{here};
    CHECK(subscriber.wait_for(long_timeout, stop.get_token()) == WaitResult::stopped);
    CHECK(wakes_of_stop == 1);
  });
}

TEST_CASE("a message that comes at any reading of the clock ends a wait without another sleep") {
  for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::every_message}) {
    std::uint64_t after_a_sleep = 0;
    for (std::uint64_t reading = 1; reading <= 8; ++reading) {
      CAPTURE(std::string{to_string(wakeup)});
      CAPTURE(reading);
      const TemporaryFolder folder;
      NumberPublisher publisher{folder.channel(), {.wakeup = wakeup}};
      NumberSubscriber subscriber{folder.channel(), {.strategy = seqcast::WaitStrategy::sleep}};
      Trap here{Place::clock, reading, [&] { publisher.publish(1); }};
      const Installed trap{here};
      CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
      CHECK(here.timed_out.load() == 0);
      if (here.sleeps > 0) ++after_a_sleep;
    }
    CHECK(after_a_sleep > 0);
  }
}

TEST_CASE("a message and then an end, both at any reading of the clock, are reported in this order") {
  for (const bool replaced : {false, true}) {
    for (std::uint64_t reading = 1; reading <= 8; ++reading) {
      CAPTURE(replaced);
      CAPTURE(reading);
      const TemporaryFolder folder;
      std::optional<NumberPublisher> publisher{std::in_place, folder.channel(),
                                               seqcast::PublisherOptions{.capacity = 4}};
      std::optional<NumberPublisher> other;
      NumberSubscriber subscriber{folder.channel(),
                                  {.strategy = seqcast::WaitStrategy::sleep, .follow = replaced}};
      Trap here{Place::clock, reading, [&] {
                  publisher->publish(7);
                  publisher.reset();
                  if (!replaced) return;
                  other.emplace(folder.channel(), seqcast::PublisherOptions{.capacity = 8, .replace = true});
                }};
      const Installed trap{here};
      CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
      const auto received = subscriber.next();
      REQUIRE(received);
      CHECK(received->message == 7);
      CHECK(subscriber.wait_for(long_timeout) == (replaced ? WaitResult::superseded : WaitResult::closed));
    }
  }
}

TEST_CASE("a publisher that takes over rings and wakes, as the one before may have died before it did") {
  for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::every_message}) {
    CAPTURE(std::string{to_string(wakeup)});
    const TemporaryFolder folder;
    { const NumberPublisher before{folder.channel(), {.wakeup = wakeup}}; }
    const auto word = [&] {
      return wakeup == seqcast::Wakeup::bell
                 ? word_in_file(folder / "channel.bell", seqcast::detail::bell_word_offset)
                 : word_in_file(folder / "channel", seqcast::detail::wake_offset);
    };
    const auto word_before = word();
    const std::uint64_t wakes_before = wakes;
    const NumberPublisher successor{folder.channel()};
    CHECK(word() != word_before);
    CHECK(wakes > wakes_before);
  }
}

TEST_CASE("a message whose ring is missed is found after the first sleep of a wait, which is short") {
  enum class Kind { wait, wait_any, poll_descriptor };
  for (const Kind kind : {Kind::wait, Kind::wait_any, Kind::poll_descriptor}) {
    CAPTURE(static_cast<int>(kind));
    const TemporaryFolder folder;
    const TemporaryFolder other;
    NumberPublisher publisher{folder.channel()};
    const NumberPublisher silent{other.channel()};
    NumberSubscriber subscriber{folder.channel(), {.strategy = seqcast::WaitStrategy::sleep}};
    NumberSubscriber idle{other.channel(), {.strategy = seqcast::WaitStrategy::sleep}};
    const std::string bell = folder / "channel.bell";
    // As if the publisher had loaded the flag before it was set, and stored the message after the last poll.
    Trap here{Place::before_sleep, 1, [&] {
                set_word_in_file(bell, seqcast::detail::bell_flag_offset, 0);
                publisher.publish(1);
              }};
    here.over = [] { return true; };
    {
      const Installed trap{here};
      if (kind == Kind::wait) CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
      if (kind == Kind::wait_any)
        CHECK(seqcast::wait_any({&idle, &subscriber}, long_timeout).subscriber == &subscriber);
      if (kind == Kind::poll_descriptor) {
        seqcast::PollDescriptor poll;
        poll.arm(subscriber);
        CHECK(readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout}));
      }
    }
    CHECK(here.done);
    CHECK(here.timeout <= 50us);
    CHECK(subscriber.next());
  }
}

TEST_CASE("a close before or after any sleep of PollDescriptor's thread is reported without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(std::string{to_string(options.wakeup.value_or(seqcast::Wakeup::bell))});
    close_everywhere(options, [&](NumberSubscriber& subscriber, Trap& here) {
      std::atomic<bool> watched{false}; // the thread may sleep before arm() has named the subscriber
      seqcast::PollDescriptor poll;
      here.over = [&] { return !watched || readable(poll.native_handle(), Watchdog{"nothing", 0ns}); };
      const Installed trap{here};
      poll.arm(subscriber);
      watched = true;
      CHECK(readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout}));
      wait_until("the close", [&] { return here.done.load(); });
    });
  }
}

TEST_CASE(
    "a close that PollDescriptor's thread finds while the subscriber is armed anew is reported all the same") {
  const TemporaryFolder folder;
  std::optional<NumberPublisher> publisher{std::in_place, folder.channel()};
  NumberSubscriber subscriber{folder.channel()};
  std::atomic<bool> watched{false};
  Trap here{Place::before_query, 1, {}};
  seqcast::PollDescriptor poll; // its thread, which ends with it, uses what is declared above
  here.action = [&] {
    wait_until("the first arm()", [&] { return watched.load(); });
    publisher.reset();
    poll.arm(subscriber);
  };
  const Installed trap{here};
  poll.arm(subscriber);
  watched = true;
  wait_until("the second arm()", [&] { return here.done.load(); });
  CHECK(readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout}));
  CHECK(subscriber.wait_for(0ns) == WaitResult::closed);
}

TEST_CASE("arm() and the destructor wake PollDescriptor's thread") {
  const TemporaryFolder folder;
  const NumberPublisher publisher{folder.channel()};
  NumberSubscriber subscriber{folder.channel()};
  std::uint64_t before = 0;
  {
    seqcast::PollDescriptor poll;
    poll.arm(subscriber);
    before = wakes;
    poll.arm(subscriber);
    CHECK(wakes > before);
    before = wakes;
  }
  CHECK(wakes > before);
}
