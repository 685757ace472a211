// SPDX-License-Identifier: BSL-1.0
//
// A publisher that dies at every instruction of publish(), and at every system call of opening: the test runs
// it under ptrace(2), instruction by instruction or system call by system call, and then kills it.
// crash_process_test.cpp does the same at random moments, at full speed.
//
// Where ptrace is forbidden these tests say so and check nothing.
#include "support/child.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <sys/ptrace.h>

using namespace test_support;

namespace {

using Message = std::array<std::uint64_t, 5>;

Message message_of(std::uint64_t sequence, std::uint64_t seed) {
  return {sequence, seed, sequence ^ seed, sequence * 3, ~sequence};
}
bool whole(const Message& message) {
  return message == message_of(message[0], message[1]);
}

enum class Step { instruction, system_call };

/// A child process that stops itself twice: before and after what is to be looked at.
template <class Prepare, class Act>
Child traced(Prepare prepare, Act act) {
  return Child{[=](Line&) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(77);
    auto prepared = prepare();
    ::raise(SIGSTOP);
    [[maybe_unused]] const auto made = act(prepared);
    ::raise(SIGSTOP);
  }};
}

/// Waits until the child stops. Gives the signal that stopped it, 0 if it has ended.
int stop_of(const Child& child) {
  int status = 0;
  while (::waitpid(child.id(), &status, __WALL) < 0) {
    if (errno != EINTR) raise_errno("waitpid");
  }
  return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

/// Lets the child take up to `steps` steps; gives how many it took before it came to its second stop.
std::uint64_t walk(const Child& child, Step step, std::uint64_t steps) {
  const auto request = step == Step::instruction ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
  const Watchdog watchdog{"a traced process"};
  for (std::uint64_t taken = 0; taken < steps; ++taken) {
    watchdog.check();
    if (::ptrace(request, child.id(), nullptr, nullptr) != 0) raise_errno("ptrace");
    const int signal = stop_of(child);
    if (signal == SIGSTOP) return taken;
    if (signal != SIGTRAP) throw std::runtime_error{"a traced process ended, or got a signal"};
  }
  return steps;
}

bool can_trace() {
  Child child = traced([] { return 0; }, [](int) { return 0; });
  const bool can = stop_of(child) == SIGSTOP && walk(child, Step::instruction, 1) == 1;
  if (can) {
    child.kill();
  } else {
    MESSAGE("skipped: ptrace is not allowed here");
  }
  return can;
}

constexpr std::uint64_t no_end = ~std::uint64_t{0};

/// About `most` numbers of steps out of `all`, the first and the last ones each.
std::vector<std::uint64_t> steps_to_die_at(std::uint64_t all, std::uint64_t most) {
  std::vector<std::uint64_t> steps;
  const std::uint64_t stride = std::max<std::uint64_t>(1, all / most);
  for (std::uint64_t step = 0; step <= all; step += stride) steps.push_back(step);
  if (steps.back() != all) steps.push_back(all);
  return steps;
}

/// Kills the child at each system call of `act`; `before` makes the scene, `after` looks at what is left.
template <class Before, class Act, class After>
void die_at_each_system_call(Before before, Act act, After after) {
  for (std::uint64_t steps = 0;; ++steps) {
    CAPTURE(steps);
    before();
    Child child = traced([] { return 0; }, [act](int) { return act(); });
    REQUIRE(stop_of(child) == SIGSTOP);
    const std::uint64_t taken = walk(child, Step::system_call, steps);
    CHECK(child.kill() == ended_killed);
    after();
    if (taken < steps) {
      CHECK(steps > 20); // it did walk through all of it
      MESSAGE("killed at " << steps << " stops");
      return;
    }
  }
}

using seqcast::Errc;
using MessagePublisher = seqcast::Publisher<Message>;
using MessageSubscriber = seqcast::Subscriber<Message>;

} // namespace

TEST_CASE("a publisher that dies at any instruction of publish() loses no message, and its successor goes on") {
  if (!can_trace()) return;
  for (const std::uint64_t capacity : {2U, 4U}) {
    CAPTURE(capacity);
    const TemporaryFolder folder;
    const seqcast::Location place = seqcast::file(folder / "channel");
    const auto prepare = [=] {
      MessagePublisher publisher{place};
      const std::uint64_t next = publisher.head() + 1;
      publisher.publish(message_of(next, 1));
      return publisher;
    };
    const auto act = [](MessagePublisher& publisher) {
      return publisher.publish(message_of(publisher.head() + 1, 1));
    };
    { const MessagePublisher creator{place, {.capacity = capacity}}; }
    std::uint64_t all = 0;
    {
      const Child child = traced(prepare, act);
      REQUIRE(stop_of(child) == SIGSTOP);
      all = walk(child, Step::instruction, no_end);
    }
    MessageSubscriber subscriber{place};
    std::uint64_t last = 2;
    bool was_complete = false;
    for (const std::uint64_t steps : steps_to_die_at(all, 400)) {
      CAPTURE(steps);
      Child child = traced(prepare, act);
      REQUIRE(stop_of(child) == SIGSTOP);
      const auto first = subscriber.next();
      REQUIRE(first);
      CHECK(first->sequence == ++last);
      walk(child, Step::instruction, steps);
      CHECK(child.kill() == ended_killed);

      const auto second = subscriber.next();
      CHECK_FALSE(subscriber.error());
      if (second) {
        CHECK(second->sequence == ++last);
        CHECK(second->lost == 0);
        CHECK(second->message == message_of(last, 1));
      }
      if (was_complete) CHECK(second.has_value()); // complete is complete, from some instruction on
      was_complete = second.has_value();
      MessagePublisher successor{place};
      CHECK(successor.head() == last);
      CHECK(successor.epoch().first_sequence == last + 1);
      CHECK(subscriber.latest()->sequence == last);
      CHECK(successor.publish(message_of(last + 1, 2)) == last + 1);
      const auto third = subscriber.next();
      REQUIRE(third);
      CHECK(third->sequence == ++last);
      CHECK(third->lost == 0);
      CHECK(third->message == message_of(last, 2));
      CHECK(whole(third->message));
    }
    CHECK(was_complete);
    MESSAGE("publish() and its surroundings are " << all << " instructions");
  }
}

TEST_CASE("a publisher that dies while it creates a channel leaves a whole channel or nothing") {
  if (!can_trace()) return;
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  std::uint64_t found = 0;
  die_at_each_system_call([&] { seqcast::remove(place); },
                          [&] {
                            return MessagePublisher{place, {.capacity = 8}};
                          },
                          [&] {
                            std::error_code error;
                            const auto subscriber = MessageSubscriber::open(place, {}, error);
                            if (subscriber) {
                              ++found;
                              CHECK(folder.entries() == 1);
                              CHECK(subscriber->state() == seqcast::State::no_publisher);
                            } else {
                              CHECK(error == Errc::no_channel);
                              CHECK(folder.entries() == 0);
                            }
                            MessagePublisher successor{place, {.capacity = 8}};
                            CHECK(successor.publish(message_of(1, 2)) == 1);
                          });
  CHECK(found > 0);
}

TEST_CASE("a publisher that dies while it takes a channel over leaves it as it was, or with its epoch") {
  if (!can_trace()) return;
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  std::uint64_t last = 0;
  std::uint64_t epoch = 0;
  die_at_each_system_call(
      [&] {
        MessagePublisher publisher{place};
        epoch = publisher.epoch().number;
        last = publisher.publish(message_of(publisher.head() + 1, 1));
      },
      [&] { return MessagePublisher{place}; },
      [&] {
        MessageSubscriber subscriber{place};
        CHECK(subscriber.latest()->message == message_of(last, 1));
        const std::uint64_t now = subscriber.epoch().number;
        CHECK((now == epoch || now == epoch + 1));
        const MessagePublisher successor{place};
        CHECK(successor.head() == last);
        CHECK(successor.epoch().number == now + 1);
        CHECK(folder.entries() == 1);
      });
}

TEST_CASE("a publisher that dies while it replaces a channel leaves the old one or the new one, whole") {
  if (!can_trace()) return;
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  const seqcast::PublisherOptions old_one{.capacity = 4, .replace = true};
  const seqcast::PublisherOptions new_one{.capacity = 8, .replace = true};
  std::optional<MessageSubscriber> witness;
  std::uint64_t replaced = 0;
  die_at_each_system_call(
      [&] {
        MessagePublisher publisher{place, old_one};
        // What a predecessor that died with it may have left beside the channel is gone by now.
        if (publisher.epoch().number == 1) CHECK(folder.entries() == 1);
        publisher.publish(message_of(publisher.head() + 1, 1));
        witness.emplace(place, seqcast::SubscriberOptions{.start = seqcast::Start::oldest});
      },
      [&] {
        return MessagePublisher{place, new_one};
      },
      [&] {
        const MessageSubscriber subscriber{place};
        const bool is_new = subscriber.capacity() == 8;
        CHECK((is_new || subscriber.capacity() == 4));
        CHECK(witness->state() == (is_new ? seqcast::State::superseded : seqcast::State::closed));
        CHECK(whole(witness->next()->message)); // the old region can still be drained
        CHECK(folder.entries() <= 2);
        replaced += is_new ? 1 : 0;
        std::error_code error;
        const auto successor = MessagePublisher::open(place, new_one, error);
        CHECK(successor.has_value());
        CHECK(folder.entries() == 1);
      });
  CHECK(replaced > 0);
}
