// SPDX-License-Identifier: BSL-1.0
//
// Reliable subscribers in one process: when a publisher waits, for whom, how a subscriber learns that it was demoted,
// and what happens when publishers, regions and bells come and go. Processes are in reliable_process_test.cpp, and the
// orders in model_reliable_test.cpp.
#include "support/reliable.hpp"

#include <doctest/doctest.h>
#include <seqcast/detail/layout.hpp>

#include <fstream>
#include <thread>

using namespace test;
using seqcast::Errc;

namespace {

constexpr auto at_once = std::chrono::nanoseconds{0};

/// Reads everything, and checks that nothing was lost; gives the last number.
std::uint64_t drain_all(NumberSubscriber& subscriber) {
  std::uint64_t last = 0;
  while (const auto message = subscriber.next()) {
    CHECK(message->lost == 0);
    CHECK(message->message == message->sequence);
    last = message->message;
  }
  CHECK_FALSE(subscriber.error());
  return last;
}

} // namespace

TEST_CASE("a publisher waits for a reliable subscriber, a message short of a lap") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  publisher.publish(1);
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(subscriber.reliable());
  CHECK(publisher.reliable_subscribers() == 1);
  const std::uint64_t first = fill(publisher);
  CHECK(first == 7);
  CHECK_FALSE(publisher.try_publish(0)); // nothing has changed
  CHECK(subscriber.next()->message == 2);
  CHECK(subscriber.next()->message == 3); // reports the first
  CHECK(fill(publisher) == 1);
  CHECK(drain_all(subscriber) == publisher.head());
  CHECK(fill(publisher) == 7);
}

TEST_CASE("without a reliable subscriber it never waits, and one that ends is waited for no more") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  const NumberSubscriber best_effort{object.channel()};
  for (std::uint64_t i = 1; i <= 100; ++i) CHECK(publisher.try_publish(i));
  {
    const NumberSubscriber subscriber{object.channel(), reliably};
    CHECK(fill(publisher) == 7);
  }
  CHECK(publisher.reliable_subscribers() == 0);
  for (std::uint64_t i = 1; i <= 100; ++i) CHECK(publisher.try_publish(i));
}

TEST_CASE("the slowest of several is waited for") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  NumberSubscriber quick{object.channel(), reliably};
  NumberSubscriber slow{object.channel(), reliably};
  CHECK(publisher.reliable_subscribers() == 2);
  CHECK(fill(publisher) == 7);
  CHECK(drain_all(quick) == 7);
  CHECK(fill(publisher) == 0);
  CHECK(drain_all(slow) == 7);
  CHECK(fill(publisher) == 7);
}

TEST_CASE("every call that receives reports what was received before it") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(fill(publisher) == 7);
  SUBCASE("a message in view is not overwritten") {
    auto view = subscriber.view();
    REQUIRE(view);
    CHECK(fill(publisher) == 0);
    CHECK(**view == 1);
    CHECK(view->validate());
    CHECK(fill(publisher) == 0);
    auto next = subscriber.view();
    REQUIRE(next);
    CHECK(fill(publisher) == 1);
    CHECK(**next == 2);
    CHECK(next->validate());
  }
  SUBCASE("latest() and latest_view() pass over messages") {
    CHECK(subscriber.latest()->message == 7);
    CHECK(subscriber.latest()->message == 7);
    CHECK(fill(publisher) == 7);
    CHECK(subscriber.latest_view()->validate());
    CHECK(subscriber.latest_view());
    CHECK(fill(publisher) == 7);
  }
  SUBCASE("a batch") {
    std::vector<Number> numbers(5);
    CHECK(subscriber.next(std::span{numbers}).count == 5);
    CHECK(subscriber.next(std::span{numbers}).count == 2);
    CHECK(fill(publisher) == 5);
  }
  SUBCASE("a wait") {
    CHECK(drain_all(subscriber) == 7);
    CHECK(fill(publisher) == 7);
    for (int i = 0; i < 7; ++i) CHECK(subscriber.next());
    CHECK(subscriber.wait_for(at_once) == WaitResult::timeout);
    CHECK(fill(publisher) == 7);
  }
  SUBCASE("seek() moves back to what is there, and keeps that") {
    CHECK(drain_all(subscriber) == 7);
    CHECK(subscriber.seek(1) == 1);
    CHECK(fill(publisher) == 0);
    CHECK(drain_all(subscriber) == 7);
    CHECK(fill(publisher) == 7);
  }
  CHECK(subscriber.reliable());
}

TEST_CASE("loans, batches, bytes and messages that are copied behind wait likewise") {
  const TemporaryObject object;
  SUBCASE("a loan can be had, and its commit waits") {
    NumberPublisher publisher{object.channel(), waits(at_once)};
    NumberSubscriber subscriber{object.channel(), reliably};
    CHECK(fill(publisher) == 7);
    auto loan = publisher.loan();
    *loan = 8;
    CHECK(subscriber.next()->message == 1);
    CHECK(std::move(loan).commit() == 8); // it was in the way, and is demoted
    CHECK_FALSE(subscriber.next());
    CHECK(subscriber.error() == Errc::demoted);
  }
  SUBCASE("a batch") {
    NumberPublisher publisher{object.channel(), waits()};
    NumberSubscriber subscriber{object.channel(), reliably};
    std::vector<Number> numbers;
    for (Number i = 1; i <= 100; ++i) numbers.push_back(i);
    std::jthread other{[&] { publisher.publish(numbers); }};
    for (Number i = 1; i <= 100; ++i) {
      const auto message = subscriber.next_for(long_timeout);
      REQUIRE(message);
      CHECK(message->message == i);
      CHECK(message->lost == 0);
    }
  }
  SUBCASE("bytes, copied behind") {
    auto options = waits();
    options.max_message_size = 100'000;
    options.copy_behind = true;
    seqcast::BytePublisher publisher{object.channel(), options};
    seqcast::ByteSubscriber subscriber{object.channel(), reliably};
    std::jthread other{[&] {
      for (int i = 0; i < 50; ++i)
        publisher.publish(std::string(100'000 - static_cast<std::size_t>(i), static_cast<char>('a' + i % 26)));
    }};
    for (int i = 0; i < 50; ++i) {
      const auto message = subscriber.next_for(long_timeout);
      REQUIRE(message);
      CHECK(message->lost == 0);
      CHECK(message->message.size() == 100'000U - static_cast<unsigned>(i));
      CHECK(message->message.back() == static_cast<std::byte>('a' + i % 26));
    }
  }
}

TEST_CASE("a subscriber that keeps the publisher waiting for too long is demoted, which one call reports") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits(at_once)};
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(fill(publisher) == 7);
  for (Number i = 8; i <= 30; ++i) publisher.publish(i);
  CHECK(publisher.reliable_subscribers() == 0);
  SUBCASE("by next()") {
    CHECK_FALSE(subscriber.next());
  }
  SUBCASE("by a batch") {
    std::vector<Number> numbers(5);
    CHECK(subscriber.next(std::span{numbers}).count == 0);
  }
  SUBCASE("by a view") {
    CHECK_FALSE(subscriber.view());
  }
  SUBCASE("by a wait that sees no message") {
    CHECK_FALSE(subscriber.next_for(long_timeout));
    CHECK(subscriber.wait_result() == WaitResult::message);
  }
  SUBCASE("the loop over its messages ends") {
    for ([[maybe_unused]] const auto& message : subscriber.messages()) FAIL_CHECK("a message");
  }
  CHECK(subscriber.error() == Errc::demoted);
  CHECK_FALSE(subscriber.reliable());
  const auto message = subscriber.next();
  REQUIRE(message);
  CHECK(message->sequence == message->lost + 1);
  CHECK(message->lost > 0);
  CHECK(drain_all(subscriber) == 30);

  subscriber.register_reliable(); // again
  CHECK(subscriber.reliable());
  CHECK(fill(publisher) == 7);
  CHECK(drain_all(subscriber) == 37);
}

TEST_CASE("a wait ends where a subscriber was demoted, also without a message") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits(at_once)};
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(fill(publisher) == 7);
  publisher.publish(8);
  CHECK(subscriber.latest()->message == 8); // not due yet: it received none before
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.error() == Errc::demoted);
}

TEST_CASE(
    "an inspector lists the reliable subscribers, how far they are, and those who are waited for no more") {
  const TemporaryObject object;
  auto publisher = std::make_optional<NumberPublisher>(object.channel(), waits(at_once));
  const seqcast::Inspector inspector{object.channel()};
  CHECK(inspector.reliable_subscribers().empty());
  NumberSubscriber slow{object.channel(), reliably};
  NumberSubscriber quick{object.channel(), reliably};
  const NumberSubscriber best_effort{object.channel()};
  CHECK(fill(*publisher) == 7);
  CHECK(drain_all(quick) == 7);
  const auto listed = [&] {
    auto found = inspector.reliable_subscribers();
    REQUIRE(found.size() == 2);
    for (const auto& one : found) CHECK(one.process == static_cast<std::uint64_t>(process_id()));
    return found;
  };
  auto found = listed();
  CHECK(found[0].cursor == 0);
  CHECK(found[0].lag == 7);
  CHECK(found[0].state == seqcast::ReliableState::waited_for);
  CHECK(found[1].cursor == 7);
  CHECK(found[1].lag == 0);
  CHECK(found[1].state == seqcast::ReliableState::waited_for);

  publisher->publish(8);
  found = listed();
  CHECK(found[0].lag == 8);
  CHECK(found[0].state == seqcast::ReliableState::demoted);
  CHECK(found[1].state == seqcast::ReliableState::waited_for);

  SUBCASE("one that has reported its demotion is a subscriber by best effort") {
    CHECK_FALSE(slow.next());
    CHECK(slow.error() == Errc::demoted);
    CHECK(inspector.reliable_subscribers().size() == 1);
  }
  SUBCASE("a successor that waits for nobody") {
    publisher.reset();
    CHECK(listed()[1].state == seqcast::ReliableState::waited_for);
    publisher.emplace(object.channel());
    CHECK(listed()[1].state == seqcast::ReliableState::demoted);
  }
  CHECK(std::string{to_string(seqcast::ReliableState::waited_for)} == "waited for");
  CHECK(std::string{to_string(seqcast::ReliableState::demoted)} == "demoted");
  CHECK(std::string{to_string(seqcast::ReliableState::dead)} == "dead");
}

TEST_CASE("an inspector lists as demoted who is registered in a bell that no publisher polls") {
  const TemporaryFolder folder;
  const NumberPublisher publisher{folder.channel(), waits()};
  const NumberSubscriber subscriber{folder.channel(), reliably};
  const seqcast::Inspector inspector{folder.channel()};
  CHECK(inspector.reliable_subscribers().front().state == seqcast::ReliableState::waited_for);
  std::fstream bell{folder / "channel.bell", std::ios::binary | std::ios::in | std::ios::out};
  bell.seekp(seqcast::detail::bell_number_offset);
  bell.put('!').put('!').flush();
  CHECK(inspector.reliable_subscribers().front().state == seqcast::ReliableState::demoted);
}

TEST_CASE("an inspector lists nobody where the bell is missing, or something else") {
  const TemporaryFolder folder;
  const seqcast::Location place = folder.channel();
  const NumberPublisher publisher{place, waits()};
  const NumberSubscriber subscriber{place, reliably};
  const seqcast::Inspector inspector{place};
  const std::string bell = folder / "channel.bell";
  CHECK(inspector.reliable_subscribers().size() == 1);
  std::filesystem::rename(bell, folder / "aside");
  CHECK(inspector.reliable_subscribers().empty());
  SUBCASE("a folder") {
    std::filesystem::create_directory(bell);
  }
  SUBCASE("a file of another kind, and of its size") {
    std::filesystem::copy_file(folder / "aside", bell);
    std::fstream{bell, std::ios::binary | std::ios::in | std::ios::out}.put('?');
  }
  SUBCASE("a bell of version 1, without entries") {
    std::filesystem::copy_file(folder / "aside", bell);
    std::filesystem::resize_file(bell, seqcast::detail::first_bell_size);
  }
  CHECK(inspector.reliable_subscribers().empty());
  std::filesystem::remove(bell);
  std::filesystem::rename(folder / "aside", bell);
}

TEST_CASE("old messages are read by best effort until the publisher polls, and are then kept too") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits()};
  for (Number i = 1; i <= 20; ++i) publisher.publish(i);
  NumberSubscriber subscriber{object.channel(), {.start = seqcast::StartPosition::oldest, .reliable = true}};
  const std::uint64_t more = fill(publisher);
  CHECK(more < 7);
  const auto first = subscriber.next();
  REQUIRE(first);
  CHECK(first->message == 14 + first->lost);
  CHECK(drain_all(subscriber) == 20 + more);
  CHECK(subscriber.reliable());
}

TEST_CASE("one that waits by a PollDescriptor reports what latest() has passed") {
  const TemporaryObject object;
  NumberPublisher publisher{object.channel(), waits(no_limit, 64)};
  NumberSubscriber subscriber{object.channel(), reliably};
  seqcast::PollDescriptor poll;
  CHECK(fill(publisher) == 63);
  const auto newest = subscriber.latest();
  CHECK((newest && newest->sequence == 63));
  poll.arm(subscriber);
  CHECK(fill(publisher) == 63);
}

TEST_CASE("what cannot be had is refused, with what to do") {
  const TemporaryObject object;
  seqcast::Error error;
  SUBCASE("a publisher that waits for nobody") {
    const NumberPublisher publisher{object.channel()};
    CHECK_FALSE(NumberSubscriber::open(object.channel(), reliably, error));
    CHECK(error == Errc::not_reliable);
    CHECK(error.message().find("max_blocking_time") != std::string::npos);
  }
  SUBCASE("a channel without a bell") {
    CHECK_FALSE(NumberPublisher::open(object.channel(),
                                      {.wakeup = seqcast::Wakeup::polling, .max_blocking_time = 1s}, error));
    CHECK(error == Errc::invalid_options);
    const NumberPublisher publisher{object.channel(), {.wakeup = seqcast::Wakeup::every_message}};
    CHECK_FALSE(NumberSubscriber::open(object.channel(), reliably, error));
    CHECK(error == Errc::not_reliable);
  }
  SUBCASE("a bell is needed of a channel that is there") {
    const TemporaryFolder folder; // on Windows what is in shared memory ends with its publisher
    const seqcast::Location place = seqcast::file(folder / "channel");
    { const NumberPublisher publisher{place, {.wakeup = seqcast::Wakeup::polling}}; }
    CHECK_FALSE(NumberPublisher::open(place, {.max_blocking_time = 1s}, error));
    CHECK(error == Errc::wrong_identity);
  }
  SUBCASE("a negative time") {
    CHECK_FALSE(NumberPublisher::open(object.channel(), {.max_blocking_time = -1ns}, error));
    CHECK(error == Errc::invalid_options);
  }
  SUBCASE("the 63rd") {
    NumberPublisher publisher{object.channel(), waits()};
    std::vector<NumberSubscriber> subscribers;
    for (std::size_t i = 0; i < seqcast::detail::bell_entries; ++i)
      subscribers.emplace_back(object.channel(), reliably);
    CHECK(publisher.reliable_subscribers() == 62);
    CHECK_FALSE(NumberSubscriber::open(object.channel(), reliably, error));
    CHECK(error == Errc::no_entry);
    CHECK(fill(publisher) == 7);
    subscribers.erase(subscribers.begin() + 30);
    CHECK(NumberSubscriber::open(object.channel(), reliably, error));
  }
}

TEST_CASE("a successor goes on waiting for those who are there; one that waits for nobody demotes them") {
  const TemporaryObject object;
  auto publisher = std::make_optional<NumberPublisher>(object.channel(), waits());
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(fill(*publisher) == 7);
  publisher.reset();
  SUBCASE("waits") {
    publisher.emplace(object.channel(), waits());
    CHECK(fill(*publisher) == 0);
    CHECK(drain_all(subscriber) == 7);
    CHECK(fill(*publisher) == 7);
    CHECK(subscriber.reliable());
  }
  SUBCASE("waits for nobody") {
    publisher.emplace(object.channel());
    for (Number i = 8; i <= 20; ++i) publisher->publish(i);
    CHECK_FALSE(subscriber.next());
    CHECK(subscriber.error() == Errc::demoted);
    seqcast::Error error;
    CHECK_FALSE(subscriber.register_reliable(error));
    CHECK(error == Errc::not_reliable);
  }
  SUBCASE("waits for nobody, and the next one waits: nothing is lost unseen") {
    publisher.emplace(object.channel());
    for (Number i = 8; i <= 20; ++i) publisher->publish(i);
    publisher.reset();
    publisher.emplace(object.channel(), waits());
    CHECK(publisher->reliable_subscribers() == 0);
    CHECK_FALSE(subscriber.next());
    CHECK(subscriber.error() == Errc::demoted);
    CHECK(subscriber.next()->lost > 0);
  }
}

TEST_CASE("a region that takes the place of another one waits for none of its subscribers, until they move") {
  const TemporaryObject object;
  auto publisher = std::make_optional<NumberPublisher>(object.channel(), waits());
  NumberSubscriber subscriber{object.channel(), reliably};
  CHECK(fill(*publisher) == 7);
  publisher.reset();
  auto options = waits(no_limit, 16);
  options.replace = true;
  publisher.emplace(object.channel(), options);
  CHECK(publisher->reliable_subscribers() == 0);
  for (Number i = 1; i <= 40; ++i) CHECK(publisher->try_publish(i));
  CHECK(subscriber.reopen());
  CHECK(subscriber.reliable());
  CHECK(publisher->reliable_subscribers() == 1);
  CHECK(subscriber.next());
  fill(*publisher);
  while (subscriber.next()) {
  }
  CHECK_FALSE(subscriber.error());
  CHECK(subscriber.cursor() == publisher->head());
  CHECK(fill(*publisher) == 15);
}

TEST_CASE("a bell of version 1 is made longer, and works for its sleepers as before") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  { const NumberPublisher publisher{place, {.capacity = 8}}; }
  std::filesystem::resize_file(folder / "channel.bell", seqcast::detail::first_bell_size);
  {
    std::fstream bell{folder / "channel.bell", std::ios::binary | std::ios::in | std::ios::out};
    bell.seekp(seqcast::detail::bell_number_offset);
    const std::string zeros(8, '\0');
    bell.write(zeros.data(), 8);
  }
  NumberSubscriber old{place};
  CHECK(old.wakeup() == seqcast::Wakeup::bell);
  NumberPublisher publisher{place, waits()};
  NumberSubscriber subscriber{place, reliably};
  CHECK(fill(publisher) == 7);
  CHECK(std::filesystem::file_size(folder / "channel.bell") == 4096);
}
