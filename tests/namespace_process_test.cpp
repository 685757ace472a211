// SPDX-License-Identifier: BSL-1.0
//
// Publishers and subscribers in process-id namespaces of their own, as in containers that share a folder. There
// a process id of one namespace may be unknown in the other, or belong to another process; only the lock
// decides who publishes.
//
// All is skipped, with a message, where neither this user nor a user namespace of its own may make one.
#include "support/sandbox.hpp"
#include "support/temporary.hpp"
#include "support/waiting.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

using namespace test;
using seqcast::ChannelState;
using seqcast::Errc;

namespace {

/// Runs `function(Line&)` as process 1 of a namespace of its own.
class Container {
 public:
  template <class Function>
  explicit Container(const Function& function)
      : outer_{[&](Line& line) {
          if (!own_process_ids()) return line.send(pid_t{0});
          auto [announced, may_begin] = Line::make();
          const pid_t inner = ::fork();
          if (inner < 0) raise_errno("fork");
          if (inner > 0) {
            line.send(inner);
            announced.send(true); // from here on the line is the other one's
            const Ended ended = reap(inner, Watchdog{"the end of process 1", 2 * watchdog_timeout});
            ::_exit(ended == ended_well ? 0 : ended == ended_killed ? killed : 1);
          }
          ::prctl(PR_SET_PDEATHSIG, SIGKILL);
          if (::getpid() != 1) throw std::runtime_error{"it is not process 1 of its namespace"};
          may_begin.expect<bool>();
          function(line);
        }},
        inner_{outer_.line().expect<pid_t>()} {
    if (inner_ == 0) MESSAGE("skipped: neither this user nor a user namespace may have process ids of its own");
  }

  explicit operator bool() const noexcept {
    return inner_ != 0;
  }
  Line& line() noexcept {
    return outer_.line();
  }
  bool ends_well() {
    outer_.line().hang_up();
    return outer_.wait() == ended_well;
  }
  /// SIGKILL, from outside.
  bool kill() {
    ::kill(inner_, SIGKILL);
    return outer_.wait() == Ended{killed, 0};
  }

 private:
  static constexpr int killed = 3;
  Child outer_;
  pid_t inner_; // as it is called outside; 0 if there is none
};

seqcast::Error try_to_publish(const seqcast::Location& place) {
  seqcast::Error error;
  const auto publisher = NumberPublisher::open(place, {}, error);
  return error;
}

/// A publisher in a container: it publishes the numbers that it receives, and sends back their sequences.
Container publishing(const seqcast::Location& place) {
  return Container{[&](Line& line) {
    NumberPublisher publisher{place};
    line.send(publisher.head());
    while (const auto number = line.receive<Number>()) line.send(publisher.publish(*number));
  }};
}

/// Publishes `number` from the container, and reads it outside.
void pass_on(Container& publisher, NumberSubscriber& subscriber, Number number) {
  publisher.line().send(number);
  CHECK(publisher.line().expect<Number>() == number);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
  const auto found = subscriber.next();
  REQUIRE(found);
  CHECK(found->message == number);
  CHECK(found->sequence == number);
  CHECK(found->lost == 0);
}

} // namespace

TEST_CASE("a publisher in another process-id namespace is reported as alive, and as dead after its crash") {
  for (const bool in_file : {true, false}) {
    const TemporaryFolder folder;
    const TemporaryObject object;
    const seqcast::Location place = in_file ? seqcast::file(folder / "channel") : object.channel();
    Container publisher = publishing(place);
    if (!publisher) return;
    CHECK(publisher.line().expect<Number>() == 0);
    NumberSubscriber subscriber{place, {.strategy = seqcast::WaitStrategy::sleep}};
    pass_on(publisher, subscriber, 1);
    CHECK(subscriber.wakeup() == seqcast::Wakeup::bell);
    CHECK(subscriber.publisher_alive());
    CHECK(subscriber.state() == ChannelState::live);
    CHECK(publisher.kill());
    CHECK_FALSE(subscriber.publisher_alive());
    CHECK(subscriber.state() == ChannelState::no_publisher);
    CHECK(subscriber.wait_for(long_timeout) == WaitResult::no_publisher);
  }
}

TEST_CASE("a second publisher is refused across process-id namespaces") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  Container publisher = publishing(place);
  if (!publisher) return;
  CHECK(publisher.line().expect<Number>() == 0);
  // Outside; and in a container whose process 1 is not the publisher's process 1.
  CHECK(try_to_publish(place) == Errc::publisher_alive);
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(place, error));
  CHECK(error == Errc::publisher_alive);
  Container second_container{[&](Line& line) {
    line.send(try_to_publish(place) == Errc::publisher_alive);
    line.send(NumberSubscriber{place}.state());
  }};
  CHECK(second_container.line().expect<bool>());
  CHECK(second_container.line().expect<ChannelState>() == ChannelState::live);
  CHECK(second_container.ends_well());
  CHECK(publisher.ends_well());
  CHECK_FALSE(try_to_publish(place));
}

TEST_CASE("a reliable subscriber in another process-id namespace is waited for, until it is killed") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  NumberPublisher publisher{place, {.capacity = 8, .max_blocking_time = (std::chrono::nanoseconds::max)()}};
  Container subscriber{[&](Line& line) {
    const NumberSubscriber reliable{place, {.reliable = true}};
    line.send(true);
    line.receive<bool>();
  }};
  if (!subscriber) return;
  subscriber.line().expect<bool>();
  CHECK(publisher.reliable_subscribers() == 1);
  for (Number i = 1; i <= 7; ++i) CHECK(publisher.try_publish(i));
  CHECK_FALSE(publisher.try_publish(8));
  CHECK(subscriber.kill());
  CHECK(publisher.publish(8) == 8);
  CHECK(publisher.reliable_subscribers() == 0);
}

TEST_CASE("publishers of several process-id namespaces take over from each other") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  std::optional<NumberSubscriber> subscriber;
  Number last = 0;
  for (const bool killed : {true, false, true}) {
    Container publisher = publishing(place);
    if (!publisher) return;
    CHECK(publisher.line().expect<Number>() == last);
    if (!subscriber)
      subscriber.emplace(place, seqcast::SubscriberOptions{.strategy = seqcast::WaitStrategy::sleep});
    CHECK(subscriber->state() == ChannelState::live);
    pass_on(publisher, *subscriber, ++last);
    CHECK((killed ? publisher.kill() : publisher.ends_well()));
    CHECK(subscriber->state() == (killed ? ChannelState::no_publisher : ChannelState::closed));
    // Taken over from outside, and by the next container from out there.
    NumberPublisher outside{place};
    CHECK(outside.head() == last);
    CHECK(outside.publish(last + 1) == last + 1);
    while (const auto found = subscriber->next()) CHECK(found->sequence == ++last);
    CHECK(subscriber->cursor() == last);
  }
  CHECK(subscriber->epoch().value().number == 6);
  CHECK(last == 6);
}

TEST_CASE("a subscriber in another process-id namespace is woken, and gets the publisher's state") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  auto publisher = std::make_optional<NumberPublisher>(place);
  Container inside{[&](Line& line) {
    NumberSubscriber subscriber{place, {.strategy = seqcast::WaitStrategy::sleep}};
    line.send(subscriber.state());
    for (int waits = 0; waits < 2; ++waits) {
      line.send(subscriber.wait_for(long_timeout));
      while (const auto found = subscriber.next()) line.send(found->message);
    }
    line.send(subscriber.state());
    NumberPublisher successor{place};
    line.send(successor.publish(43));
  }};
  if (!inside) return;
  CHECK(inside.line().expect<ChannelState>() == ChannelState::live);
  publisher->publish(42);
  CHECK(inside.line().expect<WaitResult>() == WaitResult::message);
  CHECK(inside.line().expect<Number>() == 42);
  publisher.reset();
  CHECK(inside.line().expect<WaitResult>() == WaitResult::closed);
  CHECK(inside.line().expect<ChannelState>() == ChannelState::closed);
  CHECK(inside.line().expect<Number>() == 2);
  CHECK(inside.ends_well());
}
