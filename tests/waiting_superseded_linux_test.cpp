// SPDX-License-Identifier: BSL-1.0
//
// Waiting where no message can come: in a region that has lost its name, or is corrupt. Whoever sleeps there
// must not make another publisher ring for each of its messages, and must not poll.
#include "support/file_bytes.hpp"
#include "support/intercepted_calls.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>

#include <sys/resource.h>

namespace {

using namespace test;
using seqcast::WaitStrategy;

/// The flag by which sleepers ask the publisher of "channel" to ring.
std::uint64_t sleepers_flag(const TemporaryFolder& folder) {
  return number_at<std::uint64_t>(read_file(folder / "channel.bell"), seqcast::detail::bell_flag_offset);
}

/// How often this thread has gone to sleep so far.
long voluntary_switches() {
  struct rusage usage {};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

} // namespace

TEST_CASE("a subscriber that is left behind in a superseded region does not ask the successor to ring") {
  for (const bool follow : {false, true}) {
    CAPTURE(follow);
    const TemporaryFolder folder;
    const auto channel = folder.channel();
    std::optional<NumberPublisher> old{channel};
    NumberSubscriber left_behind{channel, {.strategy = WaitStrategy::sleep, .follow = follow}};
    // The time may be over before it asks.
    wait_until("it to ask", [&] {
      CHECK(left_behind.wait_for(20ms) == WaitResult::timeout);
      return sleepers_flag(folder) == 1;
    });
    CHECK(left_behind.wakeup() == seqcast::Wakeup::bell);
    old.reset();
    seqcast::Publisher<char> publisher{channel, {.replace = true}}; // of a type that nobody can follow to
    CHECK(left_behind.wait_for(long_timeout) == WaitResult::superseded);
    for (int i = 0; i < 3; ++i) {
      publisher.publish('x');
      CHECK(sleepers_flag(folder) == 0);
      CHECK(left_behind.wait_for(1ms) == WaitResult::timeout);
    }
    CHECK(sleepers_flag(folder) == 0);
    CHECK(left_behind.wakeup() == seqcast::Wakeup::polling);
    // It sleeps in slices of 100 ms, and does not poll: a busy machine can only make these fewer.
    const auto before = voluntary_switches();
    CHECK(left_behind.wait_for(500ms) == WaitResult::timeout);
    CHECK(voluntary_switches() - before < 100);
  }
}

TEST_CASE("a subscriber of a region whose name was removed sets no flag of a bell that stayed") {
  const TemporaryFolder folder;
  const auto channel = folder.channel();
  std::optional<NumberPublisher> publisher{channel};
  NumberSubscriber subscriber{channel, {.strategy = WaitStrategy::sleep}};
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  publisher.reset();
  std::filesystem::remove(folder / "channel"); // by hand: the next publisher takes over the bell
  while (subscriber.wait_for(200ms) != WaitResult::timeout) continue;
  publisher.emplace(channel);
  CHECK(sleepers_flag(folder) == 0);
  while (subscriber.wait_for(200ms) != WaitResult::timeout) continue;
  CHECK(sleepers_flag(folder) == 0);
}

TEST_CASE("a publisher that has lost its name still wakes its subscribers, and not those of its successor") {
  const TemporaryFolder folder;
  const auto channel = folder.channel();
  NumberPublisher nameless{channel};
  NumberSubscriber subscriber{channel, {.strategy = WaitStrategy::sleep}};
  NumberSubscriber late{channel, {.strategy = WaitStrategy::sleep}}; // waits when the name is lost already
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  seqcast::remove_channel(channel, {.even_if_alive = true});
  NumberPublisher successor{channel};
  CHECK(late.wait_for(long_timeout) == WaitResult::superseded);
  CHECK(late.wait_for(1ms) == WaitResult::timeout);
  CHECK(late.wakeup() == seqcast::Wakeup::polling);
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::superseded);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  CHECK(sleepers_flag(folder) == 0);
  CHECK(subscriber.wakeup() == seqcast::Wakeup::bell);
  const LongSleeps sleeps;
  for (int i = 0; i < 20; ++i) {
    const auto waiting = thread_id();
    const std::jthread thread{[&] {
      wait_until_asleep(waiting);
      nameless.publish(1);
    }};
    REQUIRE(subscriber.wait_for(long_timeout) == WaitResult::message);
    REQUIRE(drain(subscriber) == 1);
  }
  CHECK(sleeps.lost() == 0);
}

TEST_CASE("a subscriber of a corrupt region does not ask its publisher to ring") {
  const TemporaryFolder folder;
  const auto channel = folder.channel();
  NumberPublisher publisher{channel, {.capacity = 4}};
  NumberSubscriber subscriber{channel, {.strategy = WaitStrategy::sleep}};
  patch_file(folder / "channel", seqcast::detail::header_size, ~std::uint64_t{0}); // the version of slot 1
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.error() == seqcast::Errc::corrupt);
  for (int i = 0; i < 3; ++i) {
    CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
    CHECK(sleepers_flag(folder) == 0);
    publisher.publish(1);
  }
}
