// SPDX-License-Identifier: BSL-1.0
//
// PollDescriptor's descriptor in an epoll loop, and the end of its thread.
#include "support/intercepted_calls.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <deque>

#include <sys/epoll.h>

using namespace test;

TEST_CASE("one epoll loop serves channels with every kind of wakeup") {
  const TemporaryFolder folder;
  std::deque<NumberPublisher> publishers;
  std::deque<NumberSubscriber> subscribers;
  std::vector<seqcast::AnySubscriber*> all;
  constexpr std::size_t channels = wakeups.size();
  for (std::size_t i = 0; i < channels; ++i) {
    const auto channel = folder.channel(std::to_string(i));
    publishers.emplace_back(channel, seqcast::PublisherOptions{.wakeup = wakeups[i]});
    all.push_back(&subscribers.emplace_back(channel));
  }
  seqcast::PollDescriptor poll;
  poll.arm(all);
  const Descriptor loop{::epoll_create1(EPOLL_CLOEXEC)};
  struct epoll_event event {};
  event.events = EPOLLIN;
  REQUIRE(::epoll_ctl(loop.id(), EPOLL_CTL_ADD, poll.native_handle(), &event) == 0);
  std::jthread thread{[&] {
    for (Number i = 0; i < 20; ++i) {
      for (auto& publisher : publishers) publisher.publish(i);
    }
  }};
  std::uint64_t read = 0;
  const Watchdog watchdog{"all messages"};
  while (read < 20 * channels) {
    REQUIRE(::epoll_wait(loop.id(), &event, 1, watchdog.milliseconds_left()) == 1);
    for (auto& subscriber : subscribers) read += drain(subscriber);
    poll.arm(all);
  }
  CHECK(read == 20 * channels);
}

TEST_CASE("the destructor does not wait for the helper thread's sleep to end") {
  const TemporaryFolder folder;
  NumberPublisher publisher{folder.channel()};
  NumberSubscriber subscriber{folder.channel()};
  const LongSleeps sleeps;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t before = sleeps.begun();
    {
      seqcast::PollDescriptor poll;
      poll.arm(subscriber);
      if (i % 2 == 0) wait_until("a long sleep", [&] { return sleeps.begun() > before; });
    }
    REQUIRE(sleeps.lost() == 0);
  }
}

TEST_CASE("the helper thread gets no signal that the program blocks in its own threads") {
  const TemporaryFolder folder;
  const NumberPublisher publisher{folder.channel()};
  Child child{[&](Line&) {
    NumberSubscriber subscriber{folder.channel()};
    const LongSleeps sleeps;
    seqcast::PollDescriptor poll; // its thread, which ends with it, uses the sleeps
    poll.arm(subscriber);
    wait_until("the thread to sleep", [&] { return sleeps.begun() > 0; });
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    ::kill(::getpid(), SIGUSR1); // which would end the process
    if (::sigwaitinfo(&blocked, nullptr) != SIGUSR1) throw std::runtime_error{"no signal"};
  }};
  CHECK(child.wait() == ended_well);
}

TEST_CASE("the helper thread survives a truncation, even if the thread that armed it blocks SIGBUS") {
  const TemporaryFolder folder;
  NumberPublisher publisher{folder.channel(), {.capacity = 1024}};
  for (Number i = 0; i < 1000; ++i) publisher.publish(i); // so that the next slot is far from the header
  Child child{[&](Line&) {
    NumberSubscriber subscriber{folder.channel(), {.survive_truncation = true}};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGBUS);
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    const LongSleeps sleeps;
    seqcast::PollDescriptor poll; // its thread, which ends with it, uses the sleeps
    poll.arm(subscriber);
    wait_until("the thread to sleep", [&] { return sleeps.begun() > 0; });
    std::filesystem::resize_file(folder / "channel", 4096);
    poll.arm(subscriber);
    if (!readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout}))
      throw std::runtime_error{"the truncation was not noticed"};
  }};
  CHECK(child.wait() == ended_well);
}
