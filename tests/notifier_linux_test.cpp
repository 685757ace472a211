// SPDX-License-Identifier: BSL-1.0
//
// The Notifier's descriptor in an epoll loop.
#include <doctest/doctest.h>

#include "support/waiting.hpp"

#include <deque>

#include <sys/epoll.h>

using namespace test;
using seqcast::Notifier;

TEST_CASE("one epoll loop serves many channels, of every kind of wakeup") {
  TemporaryFolder folder;
  std::deque<NumberPublisher> publishers;
  std::deque<NumberSubscriber> subscribers;
  Notifier notifier;
  constexpr std::size_t channels = 150; // more than futex_waitv takes
  for (std::size_t i = 0; i < channels; ++i) {
    const auto channel = seqcast::file(folder / std::to_string(i));
    seqcast::PublisherOptions options;
    options.doorbell = i % 3 == 0;
    options.wake_always = i % 3 == 1;
    publishers.emplace_back(channel, options);
    subscribers.emplace_back(channel);
    notifier.add(subscribers.back());
  }
  const Descriptor loop{::epoll_create1(EPOLL_CLOEXEC)};
  struct epoll_event event {};
  event.events = EPOLLIN;
  REQUIRE(::epoll_ctl(loop.id(), EPOLL_CTL_ADD, notifier.descriptor(), &event) == 0);
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
    notifier.arm();
  }
  CHECK(read == 20 * channels);
}
