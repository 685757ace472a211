// SPDX-License-Identifier: BSL-1.0
//
// Waiting across processes: signals, crashes, and lost wake-ups.
#include <doctest/doctest.h>

#include "support/intercepted_calls.hpp"
#include "support/shared_block.hpp"

#include <random>

#include <pthread.h>
#include <sys/time.h>

namespace {

using namespace test;
using seqcast::WaitStrategy;
using steady = std::chrono::steady_clock;

constexpr seqcast::SubscriberOptions asleep{.start = seqcast::StartPosition::oldest,
                                            .strategy = WaitStrategy::sleep};

struct Counters {
  std::atomic<std::uint64_t> woken;
  std::atomic<std::uint64_t> signals;
};

Counters* counters_of_signals = nullptr;

/// Sends this process a signal every 200 us while it lives.
class SignalStorm {
 public:
  explicit SignalStorm(Counters& counters) {
    counters_of_signals = &counters;
    struct sigaction action {};
    action.sa_handler = [](int) { ++counters_of_signals->signals; }; // no SA_RESTART: calls give EINTR
    ::sigaction(SIGALRM, &action, nullptr);
    constexpr struct itimerval every {
      {0, 200}, {
        0, 200
      }
    };
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  SignalStorm(const SignalStorm&) = delete;
  ~SignalStorm() {
    constexpr struct itimerval never {};
    ::setitimer(ITIMER_REAL, &never, nullptr);
  }
};

/// A process that has the channel open and publishes the numbers that it receives.
Child publishing(const std::string& path, const seqcast::PublisherOptions& options = {}) {
  Child child{[path, options](Line& line) {
    NumberPublisher publisher{seqcast::file(path), options};
    line.send(true);
    while (const auto number = line.receive<Number>()) publisher.publish(*number);
  }};
  child.line().expect<bool>();
  return child;
}

/// A process that waits for one message, reports the result, and repeats.
Child subscribing(const std::string& path) {
  Child child{[path](Line& line) {
    NumberSubscriber subscriber{seqcast::file(path), asleep};
    line.send(true);
    for (;;) {
      const WaitResult reason = subscriber.wait_for(long_timeout);
      line.send(reason);
      if (reason != WaitResult::message) return;
      drain(subscriber);
    }
  }};
  child.line().expect<bool>();
  return child;
}

/// Answers each message of one channel with the same on another one; sleeps in between. Throws if a wake-up was
/// lost.
void play(NumberPublisher& publisher, NumberSubscriber& subscriber, Number count, bool begins, unsigned seed) {
  std::minstd_rand random{seed};
  const LongSleeps sleeps;
  for (Number i = 1; i <= count; ++i) {
    // Pauses of a few hundred nanoseconds around the moments of falling asleep.
    if (seed != 0) {
      for (auto n = random() % 2000; n > 0; --n) seqcast::detail::HardwarePolicy::pause();
    }
    if (begins) publisher.publish(i);
    const WaitResult reason = subscriber.wait_for(long_timeout);
    if (sleeps.lost() > 0) throw WaitFailed{"a wake-up was lost"};
    if (reason != WaitResult::message) throw WaitFailed{std::string{"a wait ended with "} + to_string(reason)};
    const auto message = subscriber.next();
    if (!message || message->message != i) throw WaitFailed{"another message than expected"};
    if (!begins) publisher.publish(i);
  }
}

} // namespace

TEST_CASE("signals neither shorten nor lengthen a wait, and delay no message") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  SharedBlock<Counters> counters;
  for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::polling}) {
    Child publisher = publishing(path, {.wakeup = wakeup, .replace = true});
    NumberSubscriber subscriber{seqcast::file(path), asleep};
    const SignalStorm storm{*counters};
    for (int i = 0; i < 5; ++i) {
      const std::uint64_t before = counters->signals;
      const auto begin = steady::now();
      REQUIRE(subscriber.wait_for(60ms) == WaitResult::timeout);
      CHECK(steady::now() - begin >= 60ms);
      CHECK(counters->signals > before);
    }
    for (Number i = 1; i <= 200; ++i) {
      publisher.line().send(i);
      REQUIRE(subscriber.wait_for(long_timeout) == WaitResult::message);
      REQUIRE(drain(subscriber) == 1);
    }
  }
}

TEST_CASE("a sleeper reports its publisher's crash once, and gets the successor's messages") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  Child publisher = publishing(path);
  NumberSubscriber subscriber{seqcast::file(path), asleep};
  const pid_t waiting = thread_id();
  std::jthread kills{[&] {
    wait_until_asleep(waiting);
    publisher.send_kill();
  }};
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::no_publisher);
  kills.join();
  CHECK(publisher.wait() == ended_killed);
  CHECK(subscriber.wait_for(250ms) == WaitResult::timeout);
  for (Number i = 1; i <= 3; ++i) {
    std::optional<Child> successor;
    std::jthread publishes{[&] {
      wait_until_asleep(waiting);
      NumberPublisher{seqcast::file(path)}.publish(i);
    }};
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
    CHECK(drain(subscriber) == 1);
    publishes.join();
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
  }
}

TEST_CASE("sleepers that are killed or stopped do no harm to the publisher or to other sleepers") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  NumberPublisher publisher{seqcast::file(path)};
  Child awake = subscribing(path);
  Child stopped = subscribing(path);
  for (Number i = 1; i <= 20; ++i) {
    Child killed = subscribing(path); // reads the older messages first
    while (i > 1 && killed.line().expect<WaitResult>() != WaitResult::message) continue;
    wait_until_asleep(killed.id());
    wait_until_asleep(awake.id());
    CHECK(killed.kill() == ended_killed);
    if (i == 1) {
      wait_until_asleep(stopped.id());
      ::kill(stopped.id(), SIGSTOP);
    }
    publisher.publish(i);
    REQUIRE(awake.line().expect<WaitResult>() == WaitResult::message);
  }
  ::kill(stopped.id(), SIGCONT);
  CHECK(stopped.line().expect<WaitResult>() == WaitResult::message);
}

TEST_CASE("one message wakes sixty-four sleepers") {
  TemporaryFolder folder;
  const std::string path = folder / "channel";
  NumberPublisher publisher{seqcast::file(path)};
  std::vector<Child> sleepers;
  for (int i = 0; i < 64; ++i) sleepers.push_back(subscribing(path));
  for (Number round = 1; round <= 20; ++round) {
    for (const Child& sleeper : sleepers) wait_until_asleep(sleeper.id());
    publisher.publish(round);
    for (Child& sleeper : sleepers) REQUIRE(sleeper.line().expect<WaitResult>() == WaitResult::message);
  }
}

TEST_CASE("no wake-up is lost in twenty thousand round trips between two that sleep") {
  for (const unsigned seed : {0U, 1U}) {
    for (const seqcast::Wakeup wakeup : {seqcast::Wakeup::bell, seqcast::Wakeup::every_message}) {
      TemporaryFolder folder;
      const Number count = wakeup == seqcast::Wakeup::bell ? 20'000 : 5'000;
      const auto there = seqcast::file(folder / "there");
      const auto back = seqcast::file(folder / "back");
      seqcast::PublisherOptions options;
      options.wakeup = wakeup;
      NumberPublisher publisher{there, options};
      Child other{[&](Line& line) {
        NumberPublisher answers{back, options};
        NumberSubscriber questions{there, asleep};
        line.send(true);
        play(answers, questions, count, false, seed * 7);
      }};
      other.line().expect<bool>();
      NumberSubscriber subscriber{back, asleep};
      play(publisher, subscriber, count, true, seed * 13);
      CHECK(other.wait() == ended_well);
    }
  }
}

TEST_CASE("pthread_cancel() ends a thread that waits, and no process") {
  for (const seqcast::Wakeup wakeup : wakeups) {
    CAPTURE(std::string{to_string(wakeup)});
    const TemporaryFolder folder;
    const auto channel = folder.channel();
    Child child{[&](Line&) {
      NumberPublisher publisher{channel, {.wakeup = wakeup}};
      struct Waiting {
        NumberSubscriber subscriber;
        std::atomic<bool> begun{false};
        bool unwound = false;
      } waiting{NumberSubscriber{channel, asleep}};
      ::pthread_t thread{};
      const auto wait_for_ever = [](void* argument) -> void* {
        Waiting& mine = *static_cast<Waiting*>(argument);
        struct Unwound {
          bool& flag;
          ~Unwound() {
            flag = true;
          }
        } unwound{mine.unwound};
        mine.begun = true;
        (void)mine.subscriber.next_for(1h);
        return nullptr;
      };
      if (::pthread_create(&thread, nullptr, wait_for_ever, &waiting) != 0)
        throw std::runtime_error{"no thread"};
      wait_until("the wait to begin", [&] { return waiting.begun.load(); });
      ::pthread_cancel(thread);
      void* result = nullptr;
      ::pthread_join(thread, &result);
      if (result != PTHREAD_CANCELED || !waiting.unwound) throw std::runtime_error{"it was not cancelled"};
      publisher.publish(7);
      if (waiting.subscriber.next_for(long_timeout)->message != 7)
        throw std::runtime_error{"it does not go on"};
    }};
    CHECK(child.wait() == ended_well);
  }
}
