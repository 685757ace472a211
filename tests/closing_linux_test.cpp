// SPDX-License-Identifier: BSL-1.0
//
// A publisher that closes, or is superseded, just before or just after any sleep of a waiting subscriber: the
// wait reports that then, and not one sleep later. Likewise a request to stop, and a message, which may come at
// any reading of the clock. And a message whose ring is missed just before the first sleep: that sleep is short
// (decision 0001). Time does not matter: the tests count the sleeps that ended by their timeout, and read the
// timeout that the first one is given.
//
// This file has a syscall(), a clock_gettime() and an fcntl() of its own, which the library calls in place of the
// C library's, so that the test can act directly before and after a sleep, at a reading of the clock, and before
// and after a query of the lock.
#include "support/after_crash.hpp"
#include "support/waiting.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cerrno>
#include <cstdarg>
#include <functional>

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>

using namespace test;

namespace {

enum class Place { before_sleep, after_sleep, clock, before_query, after_query };

/// Runs an action at one of the places that a wait passes, and counts from there on.
struct Trap {
  Place place;
  std::uint64_t number; // of passing it; the first is 1
  std::function<void()> action;
  std::function<bool()> over = [] { return false; }; // the end was reported: later sleeps do not count
  std::uint64_t passed = 0;
  std::uint64_t sleeps = 0;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> timed_out{0};      // later sleeps that ended by their timeout
  std::atomic<std::uint64_t> later_readings{0}; // of the clock, by the thread that slept
  std::chrono::nanoseconds timeout{};           // of the last sleep before which it was not done

  void pass(Place where) {
    if (where != place || done || ++passed != number) return;
    action();
    done = true;
  }
};

std::atomic<Trap*> trap{nullptr};
std::atomic<std::uint64_t> wakes{0}; // calls that wake who sleeps on a word
thread_local bool has_slept = false;

bool is_sleep(long number, long operation) {
#if defined(SYS_futex_waitv)
  if (number == SYS_futex_waitv) return true;
#endif
  return number == SYS_futex && operation == FUTEX_WAIT_BITSET;
}

} // namespace

extern "C" long syscall(long number, ...) noexcept {
  static const auto real = std::bit_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
  std::va_list list;
  va_start(list, number);
  long of[6]{};
  for (std::size_t i = 0; i < 5; ++i) of[i] = va_arg(list, long);
  // Nobody else passes a sixth, and it would be read from the stack.
  if (number == SYS_futex && of[1] == FUTEX_WAIT_BITSET) of[5] = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && of[1] == FUTEX_WAKE) ++wakes;
  Trap* const here = is_sleep(number, of[1]) ? trap.load() : nullptr;
  if (here == nullptr) return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
  ++here->sleeps;
  has_slept = true;
  if (here->place == Place::before_sleep && !here->done) {
    const auto& until = *std::bit_cast<const struct timespec*>(of[3]);
    here->timeout = std::chrono::seconds{until.tv_sec} + std::chrono::nanoseconds{until.tv_nsec} -
                    std::chrono::steady_clock::now().time_since_epoch();
  }
  here->pass(Place::before_sleep);
  const bool counts = here->done && !here->over();
  const long result = real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
  const int error = errno;
  if (counts && result < 0 && error == ETIMEDOUT) ++here->timed_out;
  here->pass(Place::after_sleep);
  errno = error;
  return result;
}

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static const auto real =
      std::bit_cast<int (*)(clockid_t, struct timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  if (Trap* const here = trap.load(); here != nullptr) {
    if (here->done && has_slept) ++here->later_readings;
    here->pass(Place::clock);
  }
  return real(clock, time);
}

extern "C" int fcntl(int file, int command, ...) {
  static const auto real = std::bit_cast<int (*)(int, int, ...)>(::dlsym(RTLD_NEXT, "fcntl"));
  std::va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  Trap* const here = command == F_OFD_GETLK ? trap.load() : nullptr;
  if (here != nullptr) here->pass(Place::before_query);
  const int result = real(file, command, argument);
  if (here != nullptr) here->pass(Place::after_query);
  return result;
}

namespace {

/// Checks that `wait` ends by a close at each of the first places, without one more sleep, and without a loop
/// that does not sleep.
template <class Wait>
void close_everywhere(const seqcast::PublisherOptions& options, const Wait& wait, bool publisher_lives = true) {
  for (const Place place : {Place::before_sleep, Place::after_sleep, Place::after_query}) {
    if (place == Place::after_query && !publisher_lives)
      continue; // the lock of a closed channel is not queried
    for (const std::uint64_t number : {1U, 2U, 3U}) {
      CAPTURE(static_cast<int>(place));
      CAPTURE(number);
      const TemporaryFolder folder;
      std::optional<NumberPublisher> publisher{std::in_place, folder.channel(), options};
      NumberSubscriber subscriber{folder.channel(), {.strategy = seqcast::WaitStrategy::sleep}};
      Trap here{.place = place, .number = number, .action = [&] { publisher.reset(); }};
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

/// Sets the trap until its destructor.
struct Armed {
  explicit Armed(Trap& here) {
    trap = &here;
  }
  Armed(const Armed&) = delete;
  ~Armed() {
    trap = nullptr;
  }
};

} // namespace

TEST_CASE("a close before or after any sleep of a wait is reported without another sleep") {
  for (const auto& options : all_options) {
    CAPTURE(std::string{to_string(options.wakeup.value_or(seqcast::Wakeup::bell))});
    close_everywhere(options, [&](NumberSubscriber& subscriber, Trap& here) {
      const Armed armed{here};
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
      const Armed armed{here};
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
        const Armed armed{here};
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
    const Armed armed{here};
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
      Trap here{.place = Place::clock, .number = reading, .action = [&] { publisher.publish(1); }};
      const Armed armed{here};
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
      Trap here{.place = Place::clock, .number = reading, .action = [&] {
                  publisher->publish(7);
                  publisher.reset();
                  if (!replaced) return;
                  other.emplace(folder.channel(), seqcast::PublisherOptions{.capacity = 8, .replace = true});
                }};
      const Armed armed{here};
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
    Trap here{.place = Place::before_sleep,
              .number = 1,
              .action =
                  [&] {
                    set_word_in_file(bell, seqcast::detail::bell_flag_offset, 0);
                    publisher.publish(1);
                  },
              .over = [] { return true; }};
    {
      const Armed armed{here};
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
      const Armed armed{here};
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
  Trap here{.place = Place::before_query, .number = 1, .action = {}};
  seqcast::PollDescriptor poll; // its thread, which ends with it, uses what is declared above
  here.action = [&] {
    wait_until("the first arm()", [&] { return watched.load(); });
    publisher.reset();
    poll.arm(subscriber);
  };
  const Armed armed{here};
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
