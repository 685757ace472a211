// SPDX-License-Identifier: BSL-1.0
//
// Reliable subscribers in processes of their own, which are killed, stopped, forked and replaced, and a bell that a
// hostile process writes to or removes. Guarantees G3 and G10. No verdict depends on time: a publisher that has no limit either
// goes on or hangs, which the watchdog ends.
#include "support/child.hpp"
#include "support/intercepted_calls.hpp"
#include "support/reliable.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>

using namespace test;
using seqcast::Errc;

namespace {

/// Records how long the library sleeps at once, at most.
class SleepLengths final : Hooks {
 public:
  std::atomic<std::int64_t> longest{0}; // ns

 private:
  bool begin_sleep(steady::time_point& end) override {
    const std::int64_t length = std::chrono::nanoseconds{end - steady::now()}.count();
    std::int64_t before = longest;
    while (length > before && !longest.compare_exchange_weak(before, length)) {
    }
    return false;
  }
  Installed installed_{*this};
};

/// A process with a reliable subscriber that receives nothing.
Child idle_subscriber(const seqcast::Location& place) {
  Child child{[place](Line& line) {
    const NumberSubscriber subscriber{place, reliably};
    line.send(true);
    line.receive<bool>();
  }};
  child.line().expect<bool>();
  return child;
}

/// A publisher that is asleep because of a subscriber; the destructor waits until it has published.
class Sleeper {
 public:
  explicit Sleeper(NumberPublisher& publisher)
      : thread_{[this, &publisher] {
          id_ = thread_id();
          publisher.publish(publisher.head() + 1);
          published_ = true;
        }} {
    wait_until("the publisher's thread", [this] { return id_ != 0; });
    wait_until_asleep(id_.load());
  }
  bool published() const noexcept {
    return published_;
  }
  ~Sleeper() {
    wait_until("the message", [this] { return published(); });
  }

 private:
  std::atomic<pid_t> id_{0};
  std::atomic<bool> published_{false};
  std::jthread thread_;
};

} // namespace

TEST_CASE("a publisher goes on when a subscriber that it waits for is killed") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  Child child = idle_subscriber(object.channel());
  CHECK(fill(publisher) == 7);
  CHECK(child.kill() == ended_killed);
  CHECK(publisher.publish(8) == 8);
  CHECK(publisher.reliable_subscribers() == 0);
}

TEST_CASE(
    "an inspector names the process of a reliable subscriber, and reports its death until a publisher "
    "notices") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits(0ns)};
  const seqcast::Inspector inspector{object.channel()};
  Child child = idle_subscriber(object.channel());
  CHECK(fill(publisher) == 7);
  auto found = inspector.reliable_subscribers();
  REQUIRE(found.size() == 1);
  CHECK(found[0].process == static_cast<std::uint64_t>(child.id()));
  CHECK(found[0].lag == 7);
  CHECK(found[0].state == seqcast::ReliableState::waited_for);
  CHECK(child.kill() == ended_killed);
  found = inspector.reliable_subscribers();
  REQUIRE(found.size() == 1);
  CHECK(found[0].state == seqcast::ReliableState::dead);
  CHECK(publisher.publish(8) == 8);
  CHECK(inspector.reliable_subscribers().empty());
}

TEST_CASE("also while it sleeps, which it never does for more than a millisecond at once") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  Child child = idle_subscriber(object.channel());
  CHECK(fill(publisher) == 7);
  SleepLengths lengths;
  {
    const Sleeper sleeper{publisher};
    CHECK_FALSE(sleeper.published());
    CHECK(child.kill() == ended_killed);
  }
  CHECK(publisher.head() == 8);
  CHECK(lengths.longest > 0);
  CHECK(lengths.longest <= 1'000'000);
}

TEST_CASE("a subscriber that ends, execs or dies in a forked child's lifetime is waited for no more") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  SUBCASE("ends") {
    Child child = idle_subscriber(object.channel());
    CHECK(fill(publisher) == 7);
    child.line().hang_up();
    CHECK(child.wait() == ended_well);
    CHECK(publisher.publish(8) == 8);
  }
  SUBCASE("execs") {
    Child child{[&](Line& line) {
      const NumberSubscriber subscriber{object.channel(), reliably};
      line.send(true);
      line.expect<bool>();
      char program[] = "/bin/sleep";
      char seconds[] = "1000";
      char* const arguments[] = {program, seconds, nullptr};
      ::execv(program, arguments);
    }};
    child.line().expect<bool>();
    CHECK(fill(publisher) == 7);
    child.line().send(true);
    CHECK(publisher.publish(8) == 8); // without a watchdog of its own: the test's own ends it
    child.kill();
  }
  SUBCASE("has forked a child, which lives on") {
    auto [alive, end] = Line::make();
    Child child{[&, &end = end, &alive = alive](Line& line) {
      NumberSubscriber subscriber{object.channel(), reliably};
      if (::fork() == 0) {
        alive.hang_up();
        end.receive<bool>(); // until the test hangs up
        ::_exit(0);
      }
      line.send(true);
      line.receive<bool>();
    }};
    child.line().expect<bool>();
    CHECK(fill(publisher) == 7);
    CHECK(child.kill() == ended_killed);
    CHECK(publisher.publish(8) == 8);
  }
}

TEST_CASE("a forked child's copy of a reliable subscriber is demoted, and can register by itself") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(fill(publisher) == 7);
  Child child{[&](Line& line) {
    bool demoted = false;
    std::uint64_t count = 0;
    while (subscriber.next() || subscriber.error()) {
      demoted = demoted || subscriber.error() == Errc::demoted;
      ++count;
    }
    line.send(demoted);
    line.send(count);
    subscriber.register_reliable();
    line.send(publisher.head()); // of this copy
    line.receive<bool>();
  }};
  CHECK(child.line().expect<bool>());
  CHECK(child.line().expect<std::uint64_t>() == 8);
  child.line().expect<std::uint64_t>();
  CHECK(publisher.reliable_subscribers() == 2);
  CHECK_FALSE(publisher.try_publish(8)); // this process has received nothing
  CHECK(subscriber.reliable());
  child.line().hang_up();
  CHECK(child.wait() == ended_well);
  for (std::uint64_t i = 1; i <= 7; ++i) CHECK(subscriber.next()->message == i);
  CHECK_FALSE(subscriber.next());
  CHECK(fill(publisher) == 7); // the child is in the way no more
  CHECK(publisher.reliable_subscribers() == 1);
}

TEST_CASE("a stopped subscriber is demoted after max_blocking_time, once, and counts what it lost") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits(20ms)};
  Child child{[&](Line& line) {
    NumberSubscriber subscriber{object.channel(), reliably};
    line.send(true);
    line.expect<bool>();
    std::uint64_t lost_unseen = 0;
    std::uint64_t lost = 0;
    std::uint64_t demotions = 0;
    std::uint64_t received = 0;
    while (received + lost < 100) {
      if (const auto message = subscriber.next()) {
        (demotions > 0 ? lost : lost_unseen) += message->lost;
        ++received;
      } else if (subscriber.error() == Errc::demoted) {
        ++demotions;
      }
    }
    for (const std::uint64_t number : {lost_unseen, demotions, received + lost}) line.send(number);
  }};
  child.line().expect<bool>();
  child.stop();
  const auto begin = steady::now();
  for (std::uint64_t i = 1; i <= 100; ++i) publisher.publish(i);
  CHECK(steady::now() - begin >= 20ms);
  CHECK(publisher.reliable_subscribers() == 0);
  child.resume();
  child.line().send(true);
  CHECK(child.line().expect<std::uint64_t>() == 0);
  CHECK(child.line().expect<std::uint64_t>() == 1);
  CHECK(child.line().expect<std::uint64_t>() == 100);
  CHECK(child.wait() == ended_well);
}

TEST_CASE("several processes receive everything from a publisher that never pauses") {
  const TemporaryObject object;
  for (const std::uint64_t capacity : {std::uint64_t{2}, std::uint64_t{8}, std::uint64_t{256}}) {
    CAPTURE(capacity);
    // With few slots each message is a switch between five processes.
    const std::uint64_t messages = 200 * capacity;
    auto options = waits(no_limit, capacity);
    options.replace = true;
    NumberPublisher publisher{object.channel(), options};
    std::vector<Child> children;
    for (int i = 0; i < 4; ++i) {
      children.emplace_back([&](Line& line) {
        NumberSubscriber subscriber{object.channel(), reliably};
        line.send(true);
        std::uint64_t wrong = 0;
        for (std::uint64_t expected = 1; expected <= messages; ++expected) {
          std::optional<seqcast::Received<Number>> message;
          for (int attempt = 0; attempt < 3 && !message && !subscriber.error(); ++attempt)
            message = subscriber.next_for(long_timeout);
          wrong += !message || message->message != expected || message->lost != 0;
        }
        line.send(wrong);
      });
      children.back().line().expect<bool>();
    }
    CHECK(publisher.reliable_subscribers() == 4);
    for (std::uint64_t i = 1; i <= messages; ++i) publisher.publish(i);
    for (Child& child : children) {
      CHECK(child.line().expect<std::uint64_t>() == 0);
      CHECK(child.wait() == ended_well);
    }
  }
}

TEST_CASE("who writes anything into the bell delays the publisher, and harms nobody else") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  NumberPublisher publisher{place, waits(0ns, 64)};
  Child hostile{[&](Line& line) {
    const Descriptor file{::open((folder / "channel.bell").c_str(), O_RDWR | O_CLOEXEC)};
    void* const bytes =
        ::mmap(nullptr, seqcast::detail::bell_size, PROT_READ | PROT_WRITE, MAP_SHARED, file.id(), 0);
    if (bytes == MAP_FAILED) raise_errno("mmap");
    seqcast::detail::Word* const words = seqcast::detail::words_at(bytes);
    line.send(true);
    for (std::uint64_t random = 1;; random = random * 6364136223846793005U + 1442695040888963407U) {
      const std::size_t at = 1 + (random >> 33) % (seqcast::detail::bell_size / 8 - 1);
      words[at].store(random % 3 == 0 ? random : random >> 58, std::memory_order_relaxed);
    }
  }};
  hostile.line().expect<bool>();
  NumberSubscriber best_effort{place};
  const seqcast::Inspector inspector{place};
  std::optional<NumberSubscriber> reliable;
  std::uint64_t expected = best_effort.cursor();
  std::uint64_t reliable_expected = 0;
  for (int i = 0; i < 20'000; ++i) {
    publisher.publish(publisher.head() + 1);
    for (const auto& found : inspector.reliable_subscribers()) CHECK(found.lag <= publisher.head());
    seqcast::Error error;
    if (!reliable && i % 1000 == 0 && (reliable = NumberSubscriber::open(place, reliably, error)))
      reliable_expected = reliable->cursor();
    while (const auto message = best_effort.next()) {
      expected += message->lost + 1;
      CHECK(message->message == message->sequence);
    }
    if (reliable) {
      while (const auto message = reliable->next()) {
        reliable_expected += message->lost + 1;
        CHECK(message->message == message->sequence);
      }
    }
  }
  CHECK(expected == publisher.head());
  CHECK((!reliable || reliable_expected == reliable->cursor()));
}

TEST_CASE("a bell that was removed is not that of a successor: who is registered there is demoted") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  auto publisher = std::make_optional<NumberPublisher>(place, waits());
  NumberSubscriber subscriber{place, reliably};
  CHECK(std::filesystem::remove(folder / "channel.bell")); // which Windows refuses
  CHECK(fill(*publisher) == 7);                            // the publisher still has it
  seqcast::Error error;
  CHECK_FALSE(NumberSubscriber::open(place, reliably, error));
  CHECK(error == std::errc::permission_denied);
  CHECK(error.message().find("channel.bell, is missing") != std::string::npos);
  publisher.reset();
  publisher.emplace(place, waits());
  for (Number i = 8; i <= 30; ++i) CHECK(publisher->try_publish(i));
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.error() == Errc::demoted);
  subscriber.register_reliable();
  CHECK(publisher->reliable_subscribers() == 1);
}
