// SPDX-License-Identifier: BSL-1.0
//
// Publishers that skip sequences (PublisherOptions::gaps): each way of receiving passes over a gap and counts
// it, no wait ends for one, reliable subscribers are waited for, and what is wrong is refused. Single steps are
// in ring_gaps_test.cpp, and the orders in model_gaps_test.cpp.
#include "support/file_bytes.hpp"
#include "support/reliable.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>
#include <seqcast/inspect.hpp>
#include <seqcast/poll_descriptor.hpp>

#include <thread>

using namespace test;
using seqcast::BytePublisher;
using seqcast::ByteSubscriber;
using seqcast::Errc;

namespace {

constexpr auto at_once = std::chrono::nanoseconds{0};
const seqcast::PublisherOptions with_gaps{.capacity = 8, .gaps = true};

seqcast::PublisherOptions waits_with_gaps(std::chrono::nanoseconds most = long_timeout) {
  seqcast::PublisherOptions options = waits(most);
  options.gaps = true;
  return options;
}

/// A channel with gaps, of 8 slots, and a subscriber that was there from the beginning.
struct Channel {
  explicit Channel(const seqcast::PublisherOptions& options = with_gaps,
                   const seqcast::SubscriberOptions& how = {})
      : publisher{object.channel(), options}, subscriber{object.channel(), how} {}

  /// Publishes the number of the message's sequence.
  void publish(int count = 1) {
    for (int i = 0; i < count; ++i) publisher.publish(publisher.head() + 1);
  }

  TemporaryObject object;
  NumberPublisher publisher;
  NumberSubscriber subscriber;
};

void is_received(const std::optional<seqcast::Received<Number>>& message, std::uint64_t sequence,
                 std::uint64_t lost) {
  REQUIRE(message);
  CHECK(message->sequence == sequence);
  CHECK(message->lost == lost);
  CHECK(message->message == sequence);
}

} // namespace

TEST_CASE("whatever the number of gaps, the message behind them has exactly so many lost") {
  for (const bool timestamps : {false, true}) {
    for (const bool copy_behind : {false, true}) {
      for (std::uint64_t gaps = 0; gaps <= 20; ++gaps) {
        CAPTURE(timestamps);
        CAPTURE(copy_behind);
        CAPTURE(gaps);
        seqcast::PublisherOptions options = with_gaps;
        options.timestamps = timestamps;
        options.copy_behind = copy_behind;
        Channel channel{options};
        channel.publish();
        is_received(channel.subscriber.next(), 1, 0);
        for (int round = 0; round < 3; ++round) {
          const std::uint64_t before = channel.publisher.head();
          CHECK(channel.publisher.skip(gaps) == before + gaps);
          CHECK(channel.publisher.head() == before + gaps);
          if (gaps > 0) CHECK_FALSE(channel.subscriber.next());
          CHECK_FALSE(channel.subscriber.error());
          channel.publish();
          is_received(channel.subscriber.next(), before + gaps + 1, gaps);
          CHECK(channel.subscriber.lag() == 0);
        }
      }
    }
  }
}

TEST_CASE(
    "2^60 sequences are left out as quickly as there are slots, and messages unread before them are lost") {
  Channel channel;
  channel.publish(3);
  is_received(channel.subscriber.next(), 1, 0);
  const std::uint64_t far = std::uint64_t{1} << 60;
  CHECK(channel.publisher.skip(far - 3) == far);
  CHECK_FALSE(channel.subscriber.next());
  channel.publish();
  is_received(channel.subscriber.next(), far + 1, far - 1);
  CHECK(channel.publisher.skip(0) == far + 1);
  CHECK_THROWS_AS(channel.publisher.skip(1), std::length_error);
  CHECK(channel.publisher.head() == far + 1);
}

TEST_CASE("a successor goes on after what was left out, and a late subscriber begins there") {
  for (const std::uint64_t gaps : {3U, 8U, 100U}) {
    CAPTURE(gaps);
    const TemporaryObject object;
    NumberSubscriber subscriber = [&] {
      NumberPublisher publisher{object.channel(), with_gaps};
      NumberSubscriber early{object.channel()};
      publisher.publish(1);
      publisher.skip(gaps);
      return early;
    }();
    NumberPublisher publisher{object.channel(), {.capacity = 8}};
    CHECK(publisher.gaps());
    CHECK(publisher.epoch().first_sequence == gaps + 2);
    NumberSubscriber late{object.channel(), {.start = seqcast::StartPosition::oldest}};
    publisher.publish(gaps + 2);
    is_received(late.next(), gaps < 8 ? 1 : gaps + 2, 0);
    is_received(subscriber.next(), gaps < 8 ? 1 : gaps + 2, gaps < 8 ? 0 : gaps + 1);
  }
}

TEST_CASE("latest() gives the newest message, also to one that begins behind the gaps above it") {
  Channel channel;
  channel.publish(3);
  channel.publisher.skip(2);
  is_received(channel.subscriber.latest(), 3, 0);
  is_received(channel.subscriber.latest(), 3, 0);
  NumberSubscriber late{channel.object.channel()};
  CHECK_FALSE(late.next());
  is_received(late.latest(), 3, 0);
  NumberSubscriber viewer{channel.object.channel()};
  auto view = viewer.latest_view();
  REQUIRE(view);
  CHECK(**view == 3);
  CHECK(view->validate());
  channel.publish();
  is_received(late.next(), 6, 2);
  is_received(viewer.next(), 6, 2);
  is_received(channel.subscriber.next(), 6, 2);
  channel.publisher.skip(7); // no message is left
  CHECK_FALSE(late.latest());
  CHECK_FALSE(late.error());
  channel.publisher.skip(8);
  CHECK_FALSE(late.latest());
  CHECK_FALSE(late.error());
  channel.publish();
  is_received(late.latest(), 22, 0);
}

TEST_CASE("batches, views and buffers pass over gaps") {
  Channel channel;
  channel.publish(2);
  channel.publisher.skip(2);
  channel.publish(2);
  std::vector<Number> numbers(8);
  auto batch = channel.subscriber.next(std::span{numbers});
  CHECK(batch.count == 2);
  batch = channel.subscriber.next(std::span{numbers});
  CHECK(batch.count == 2);
  CHECK(batch.lost == 2);
  CHECK(batch.sequence == 5);
  channel.publisher.skip(1);
  channel.publish();
  auto view = channel.subscriber.view();
  REQUIRE(view);
  CHECK(view->lost == 1);
  CHECK(**view == 8);
  CHECK(view->validate());
  CHECK(channel.subscriber.cursor() == 8);

  const TemporaryObject object;
  BytePublisher publisher{object.channel(), with_gaps};
  ByteSubscriber subscriber{object.channel()};
  publisher.publish("");
  publisher.skip(1);
  publisher.publish("");
  CHECK(subscriber.next()->sequence == 1); // an empty message is no gap
  const auto bytes = subscriber.next();
  REQUIRE(bytes);
  CHECK(bytes->sequence == 3);
  CHECK(bytes->lost == 1);
}

TEST_CASE("no wait ends for gaps alone") {
  for (const std::uint64_t gaps : {1U, 7U, 8U, 50U}) {
    CAPTURE(gaps);
    Channel channel;
    NumberSubscriber& subscriber = channel.subscriber;
    channel.publisher.skip(gaps);
    SUBCASE("wait_for()") {
      CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
      CHECK(subscriber.cursor() == gaps);
      CHECK(subscriber.lag() == 0);
      channel.publish();
      CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
    }
    SUBCASE("next_for()") {
      CHECK_FALSE(subscriber.next_for(1ms));
      CHECK(subscriber.wait_result() == WaitResult::timeout);
      channel.publish();
      is_received(subscriber.next_for(long_timeout), gaps + 1, gaps);
      return;
    }
    SUBCASE("wait_any()") {
      CHECK(seqcast::wait_any({&subscriber}, 1ms).reason == WaitResult::timeout);
      channel.publish();
      CHECK(seqcast::wait_any({&subscriber}, long_timeout).reason == WaitResult::message);
    }
    SUBCASE("a PollDescriptor") {
      seqcast::PollDescriptor poll;
      poll.arm(subscriber);
      CHECK_FALSE(readable(poll.native_handle(), Watchdog{"nothing", 20ms}));
      channel.publish();
      CHECK(readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout}));
    }
    SUBCASE("the end of the publisher, which comes after them") {
      { const NumberPublisher ended = std::move(channel.publisher); }
      CHECK(subscriber.wait_for(long_timeout) == WaitResult::closed);
      CHECK_FALSE(subscriber.next());
      return;
    }
    is_received(subscriber.next(), gaps + 1, gaps);
  }
}

TEST_CASE("one that sleeps is woken by the message behind the gaps, and by nothing before") {
  for (const std::uint64_t gaps : {3U, 9U}) {
    Channel channel;
    std::jthread publisher{[&] {
      channel.publisher.skip(gaps);
      channel.publisher.skip(gaps);
      channel.publish();
      const NumberPublisher ended = std::move(channel.publisher);
    }};
    std::uint64_t count = 0;
    for (const auto& message : channel.subscriber.messages()) {
      CHECK(message.sequence == 2 * gaps + 1);
      CHECK(message.lost == 2 * gaps);
      ++count;
    }
    CHECK(count == 1);
    CHECK(channel.subscriber.wait_result() == WaitResult::closed);
  }
}

TEST_CASE("before it discards messages a publisher waits until every reliable subscriber has them") {
  seqcast::PublisherOptions options = waits_with_gaps();
  options.capacity = 64; // so that a subscriber does not report each message at once
  Channel channel{options, reliably};
  channel.publish(3);
  std::atomic<bool> skipped = false;
  std::jthread publisher{[&] {
    channel.publisher.skip(100);
    skipped = true;
  }};
  for (std::uint64_t i = 1; i <= 3; ++i) {
    CHECK_FALSE(skipped);
    is_received(channel.subscriber.next(), i, 0);
  }
  SUBCASE("next() that finds nothing") {
    wait_until("the jump", [&] { return !channel.subscriber.next() && skipped; });
  }
  SUBCASE("latest()") {
    wait_until("the jump", [&] {
      static_cast<void>(channel.subscriber.latest());
      return skipped.load();
    });
  }
  SUBCASE("a wait") {
    wait_until("the jump", [&] { return channel.subscriber.wait_for(1ms) == WaitResult::timeout && skipped; });
  }
  publisher.join();
  CHECK(channel.subscriber.reliable());
  // The next message needs room, which a call of the subscriber makes.
  std::jthread next{[&] { channel.publish(); }};
  is_received(channel.subscriber.next_for(long_timeout), 104, 100);
  CHECK(channel.subscriber.reliable());
}

TEST_CASE("one that sleeps reports the gaps that it passes over") {
  seqcast::PublisherOptions options = waits_with_gaps();
  options.capacity = 64;
  Channel channel{options, reliably};
  const auto sleeper = thread_id();
  std::jthread publisher{[&] {
    wait_until_asleep(sleeper);
    channel.publisher.skip(3);
    channel.publisher.skip(100); // waits until it has passed over these
    channel.publish();
  }};
  is_received(channel.subscriber.next_for(long_timeout), 104, 103);
  CHECK(channel.subscriber.reliable());
}

TEST_CASE("gaps one by one wait for a reliable subscriber as messages do, and it loses nothing else") {
  Channel channel{waits_with_gaps(), reliably};
  std::jthread publisher{[&] {
    for (int round = 0; round < 50; ++round) {
      channel.publish(3);
      channel.publisher.skip(static_cast<std::uint64_t>(round % 7));
      channel.publish();
      if (round % 10 == 9) channel.publisher.skip(20);
    }
    const NumberPublisher ended = std::move(channel.publisher);
  }};
  std::uint64_t previous = 0;
  std::uint64_t count = 0;
  for (const auto& message : channel.subscriber.messages()) {
    CHECK(message.sequence == previous + 1 + message.lost);
    CHECK(message.message == message.sequence);
    previous = message.sequence;
    ++count;
  }
  CHECK(count == 200);
  CHECK(channel.subscriber.reliable());
}

TEST_CASE("a reliable subscriber behind a PollDescriptor is told of gaps, so that it can report them") {
  Channel channel{waits_with_gaps(), reliably};
  seqcast::PollDescriptor poll;
  poll.arm(channel.subscriber);
  channel.publisher.skip(7);
  CHECK(readable(poll.native_handle(), Watchdog{"a readable handle", long_timeout}));
  CHECK_FALSE(channel.publisher.try_publish(8));
  CHECK_FALSE(channel.subscriber.next());
  CHECK(channel.publisher.try_publish(8) == 8);
}

TEST_CASE("one that stalls is demoted by a jump, and told what it has lost") {
  Channel channel{waits_with_gaps(at_once), reliably};
  channel.publish(2);
  is_received(channel.subscriber.next(), 1, 0);
  CHECK(channel.publisher.skip(30) == 32);
  channel.publish();
  SUBCASE("at once") {}
  SUBCASE("after a wait, which leaves it to next()") {
    CHECK(channel.subscriber.wait_for(0ns) == seqcast::WaitResult::message);
  }
  CHECK_FALSE(channel.subscriber.next());
  CHECK(channel.subscriber.error() == Errc::demoted);
  is_received(channel.subscriber.next(), 33, 31);
}

TEST_CASE(
    "skip() is refused where the channel has no gaps, or too few sequences are left; nothing is skipped") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel()};
  NumberSubscriber subscriber{object.channel()};
  CHECK_FALSE(publisher.gaps());
  publisher.publish(1);
  std::string text;
  try {
    publisher.skip(1);
  } catch (const std::length_error&) {
    FAIL("another kind of mistake");
  } catch (const std::logic_error& mistake) {
    text = mistake.what();
  }
  CHECK(text.find("Set PublisherOptions::gaps") != std::string::npos);
  CHECK_THROWS_AS(publisher.skip(0), std::logic_error);
  publisher.publish(2);
  is_received(subscriber.next(), 1, 0);
  is_received(subscriber.next(), 2, 0);

  Channel channel;
  channel.publish();
  for (const std::uint64_t count : {std::uint64_t{1} << 60, ~std::uint64_t{0}}) {
    CHECK_THROWS_AS(channel.publisher.skip(count), std::length_error);
  }
  CHECK(channel.publisher.head() == 1);
}

TEST_CASE("a loan from before skip() is stale") {
  for (const std::uint64_t gaps : {1U, 8U}) {
    Channel channel;
    auto loan = channel.publisher.loan();
    *loan = 7;
    channel.publisher.skip(gaps);
    CHECK_THROWS_AS(std::move(loan).commit(), std::logic_error);
    auto next = channel.publisher.loan();
    *next = gaps + 1;
    CHECK(std::move(next).commit() == gaps + 1);
    is_received(channel.subscriber.next(), gaps + 1, gaps);
  }
}

TEST_CASE("gaps are a property of the channel") {
  const TemporaryObject object;
  { const NumberPublisher publisher{object.channel(), {.gaps = true}}; }
  seqcast::Error error;
  CHECK_FALSE(NumberPublisher::open(object.channel(), {.gaps = false}, error));
  CHECK(error == Errc::wrong_identity);
  CHECK(error.message().find("gaps off, found on") != std::string::npos);
  CHECK(NumberPublisher::open(object.channel(), {}, error)->gaps());
  const TemporaryObject other;
  { const NumberPublisher publisher{other.channel()}; }
  CHECK_FALSE(NumberPublisher::open(other.channel(), {.gaps = true}, error));
  CHECK(error == Errc::wrong_identity);
  CHECK(NumberPublisher::open(other.channel(), {.gaps = true, .replace = true}, error)->gaps());
}

TEST_CASE("an inspector shows a gap as one, and which channel can have them") {
  Channel channel;
  channel.publish();
  channel.publisher.skip(1);
  const seqcast::Inspector inspector{channel.object.channel()};
  CHECK(inspector.identity().gaps);
  CHECK(inspector.status().head == 2);
  std::array<std::byte, 64> buffer{};
  const seqcast::SlotContent gap = inspector.slot(1, buffer);
  CHECK(gap.state == seqcast::SlotState::gap);
  CHECK(gap.sequence == 2);
  CHECK(gap.whole);
  CHECK(gap.bytes.empty());
  CHECK(std::string{to_string(gap.state)} == "gap");
  CHECK(inspector.slot(0, buffer).state == seqcast::SlotState::complete);
  channel.publisher.skip(8);
  CHECK(inspector.status().head == 10);
  CHECK(inspector.status().oldest == 11);
  CHECK_FALSE(inspector.status().error);
}

TEST_CASE("a subscriber can open a channel in the middle of a jump") {
  const TemporaryFolder folder;
  const std::string path = folder / "channel";
  {
    NumberPublisher publisher{seqcast::file(path), with_gaps};
    for (std::uint64_t i = 1; i <= 3; ++i) publisher.publish(i);
  }
  Bytes bytes = read_file(path);
  put_number<std::uint64_t>(bytes, seqcast::detail::oldest_offset, 100); // all that it has stored
  write_file(path, bytes);
  NumberSubscriber subscriber{seqcast::file(path), {.start = seqcast::StartPosition::oldest}};
  CHECK_FALSE(subscriber.next());
  CHECK_FALSE(subscriber.error());
  const seqcast::Inspector inspector{seqcast::file(path)};
  CHECK(inspector.head() == 99);
  CHECK(inspector.status().head == 99);
  NumberPublisher successor{seqcast::file(path)};
  CHECK(successor.head() == 99);
  successor.publish(100);
  is_received(subscriber.next(), 100, 0);
}
