// SPDX-License-Identifier: BSL-1.0
//
// Publishers and subscribers that are stopped with SIGSTOP, and go on with SIGCONT. A publisher is stopped in
// the middle of a message: the second piece of it is in a page without access, and the handler of that fault
// stops the process; when the process goes on the page is readable, and publish() finishes.
//
// instruction_publish_process_test.cpp kills at every instruction; instruction_subscriber_process_test.cpp
// stops a subscriber within next().
#include "support/checked_payload.hpp"
#include "support/child.hpp"
#include "support/temporary.hpp"
#include "support/waiting.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <sys/mman.h>

using namespace test;
using seqcast::ChannelState;

namespace {

constexpr std::size_t size = 1024;
constexpr std::uint64_t capacity = 4;
constexpr std::uint64_t history = 6; // more than fits: the message under way overwrites an old one

/// The page with the second piece.
void* forbidden_page = nullptr;

void stop_on_fault(int) {
  ::kill(::getpid(), SIGSTOP);
  ::mprotect(forbidden_page, size, PROT_READ);
}

std::vector<std::byte> message(std::uint64_t sequence, std::uint64_t seed = 0) {
  std::vector<std::byte> bytes(size);
  fill_payload(bytes, sequence, seed);
  return bytes;
}

/// Publishes up to `history`, stops after `split` bytes of the next message, and then publishes on request.
void publish_and_stop(const seqcast::Location& place, const seqcast::PublisherOptions& options,
                      std::size_t split, Line& line) {
  seqcast::BytePublisher publisher{place, options};
  while (publisher.head() < history) publisher.publish(message(publisher.head() + 1));
  const std::vector<std::byte> next = message(history + 1);
  forbidden_page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (forbidden_page == MAP_FAILED) raise_errno("mmap");
  std::memcpy(forbidden_page, next.data() + split, size - split);
  ::mprotect(forbidden_page, size, PROT_NONE);
  std::signal(SIGSEGV, stop_on_fault);
  const std::span<const std::byte> rest{static_cast<const std::byte*>(forbidden_page), size - split};
  line.send(publisher.publish({std::span{next}.first(split), rest}));
  while (line.receive<bool>()) line.send(publisher.publish(message(publisher.head() + 1)));
}

void check_next(seqcast::ByteSubscriber& subscriber, std::uint64_t sequence, std::uint64_t seed = 0) {
  const auto found = subscriber.next();
  REQUIRE(found);
  CHECK(found->sequence == sequence);
  CHECK(found->lost == 0);
  CHECK(std::ranges::equal(found->message, message(sequence, seed)));
}

/// Checks that a publisher that is stopped in the middle of message `history` + 1 delays no other process.
void check_readers(const seqcast::Location& place, seqcast::ByteSubscriber& reader) {
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.error());
  CHECK(reader.lag() == 0);
  CHECK(reader.latest().value().sequence == history);
  CHECK(reader.wait_for(30ms) == WaitResult::timeout);
  CHECK(reader.publisher_alive());
  CHECK(reader.state() == ChannelState::live);
  seqcast::ByteSubscriber late{place, {.start = seqcast::StartPosition::oldest}};
  for (std::uint64_t sequence = history - capacity + 2; sequence <= history; ++sequence)
    check_next(late, sequence);
  CHECK_FALSE(late.next());
  CHECK(std::ranges::equal(late.latest().value().message, message(history)));
}

/// That a subscriber whose next message is being overwritten gets what is left after it.
void check_overrun(seqcast::ByteSubscriber& early) {
  const auto found = early.next();
  REQUIRE(found);
  CHECK(found->sequence == history - 1);
  CHECK(found->lost == capacity - 2);
  CHECK(std::ranges::equal(found->message, message(history - 1)));
  check_next(early, history);
  CHECK_FALSE(early.next());
}

void check_rivals(const seqcast::Location& place) {
  seqcast::Error error;
  for (const bool replace : {false, true}) {
    CHECK_FALSE(seqcast::BytePublisher::open(place, {.replace = replace}, error));
    CHECK(error == seqcast::Errc::publisher_alive);
  }
  CHECK_FALSE(seqcast::remove_channel(place, error));
  CHECK(error == seqcast::Errc::publisher_alive);
}

/// A channel with a publisher that is stopped after `split` bytes of a message.
struct Standstill {
  Standstill(const seqcast::PublisherOptions& options, std::size_t split)
      : early{[&] {
          seqcast::BytePublisher first{place, options};
          for (std::uint64_t sequence = 1; sequence <= history - capacity; ++sequence)
            first.publish(message(sequence));
          return seqcast::ByteSubscriber{place};
        }()},
        publisher{[&, this](Line& line) { publish_and_stop(place, options, split, line); }} {
    publisher.wait_until_stopped();
  }

  TemporaryFolder folder;
  seqcast::Location place = seqcast::file(folder / "channel");
  seqcast::ByteSubscriber early; // what it would read next is being overwritten
  Child publisher;
};

const seqcast::PublisherOptions all_options[] = {
    {.capacity = capacity, .max_message_size = size},
    {.capacity = capacity, .max_message_size = size, .wakeup = seqcast::Wakeup::polling},
    {.capacity = capacity,
     .max_message_size = size,
     .timestamps = true,
     .wakeup = seqcast::Wakeup::every_message},
};

constexpr std::size_t splits[] = {0, 1, size / 2, size - 1};

} // namespace

TEST_CASE("a publisher that is stopped in the middle of a message stays the publisher, and then finishes it") {
  for (const auto& options : all_options) {
    for (const std::size_t split : splits) {
      CAPTURE(split);
      Standstill still{options, split};
      seqcast::ByteSubscriber reader{still.place};
      check_readers(still.place, reader);
      check_overrun(still.early);
      check_rivals(still.place);
      still.publisher.resume();
      CHECK(still.publisher.line().expect<std::uint64_t>() == history + 1);
      check_next(reader, history + 1);
      for (std::uint64_t sequence = history + 2; sequence < history + 2 * capacity; ++sequence) {
        still.publisher.line().send(true);
        CHECK(still.publisher.line().expect<std::uint64_t>() == sequence);
        check_next(reader, sequence);
      }
      still.publisher.line().hang_up();
      CHECK(still.publisher.wait() == ended_well);
      CHECK(reader.state() == ChannelState::closed);
    }
  }
}

TEST_CASE(
    "the successor of a publisher that is killed while it is stopped publishes the unfinished sequence anew") {
  for (const auto& options : all_options) {
    for (const std::size_t split : splits) {
      CAPTURE(split);
      Standstill still{options, split};
      seqcast::ByteSubscriber reader{still.place};
      REQUIRE(still.publisher.kill() == ended_killed);
      CHECK(reader.state() == ChannelState::no_publisher);
      check_overrun(still.early);
      seqcast::BytePublisher successor{still.place};
      CHECK(successor.epoch().number == 3);
      CHECK(successor.publish(message(history + 1, 1)) == history + 1);
      check_next(reader, history + 1, 1);
      CHECK(reader.state() == ChannelState::live);
    }
  }
}

TEST_CASE("a stopped subscriber delays no other process, and counts exactly what it missed") {
  for (const auto& options : all_options) {
    for (const bool asleep : {false, true}) {
      CAPTURE(asleep);
      const TemporaryFolder folder;
      const seqcast::Location place = seqcast::file(folder / "channel");
      seqcast::BytePublisher publisher{place, options};
      Child subscriber{[&](Line& line) {
        seqcast::ByteSubscriber messages{place, {.strategy = seqcast::WaitStrategy::sleep}};
        line.send(true);
        if (!asleep) line.expect<bool>();
        line.send(messages.wait_for(long_timeout));
        std::uint64_t received = 0, lost = 0;
        while (const auto found = messages.next()) {
          if (!std::ranges::equal(found->message, message(found->sequence))) throw WaitFailed{"a torn message"};
          ++received;
          lost += found->lost;
        }
        line.send(received);
        line.send(lost);
        line.send(messages.cursor());
      }};
      subscriber.line().expect<bool>();
      if (asleep) wait_until_asleep(subscriber.id());
      subscriber.stop();
      const std::uint64_t missed = 10 * capacity + 1;
      for (std::uint64_t sequence = 1; sequence <= missed; ++sequence) {
        CHECK(publisher.publish(message(sequence)) == sequence);
      }
      subscriber.resume();
      if (!asleep) subscriber.line().send(true);
      CHECK(subscriber.line().expect<WaitResult>() == WaitResult::message);
      const auto received = subscriber.line().expect<std::uint64_t>();
      CHECK(received > 0);
      CHECK(received < capacity);
      CHECK(subscriber.line().expect<std::uint64_t>() == missed - received);
      CHECK(subscriber.line().expect<std::uint64_t>() == missed);
      CHECK(subscriber.wait() == ended_well);
    }
  }
}
