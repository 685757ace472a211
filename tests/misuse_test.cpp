// SPDX-License-Identifier: BSL-1.0
//
// Interfaces that cannot be misused: what must not compile, by static_assert (large_by_value.cpp has what needs
// a compiler's error), what throws and publishes nothing, and the calls that wait, loop and seek.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/file_bytes.hpp"
#include "support/temporary.hpp"
#include "support/waiting.hpp"

#include <deque>
#include <list>
#include <stdexcept>
#include <thread>

using namespace seqcast;
using namespace std::chrono_literals;
using test::NumberPublisher;
using test::NumberSubscriber;
using test::TemporaryFolder;

namespace {

// The bases can be neither made, moved, copied nor destroyed: nothing of one type is sliced into another.
template <class Base>
constexpr bool closed_to_users =
    !std::is_default_constructible_v<Base> && !std::is_constructible_v<Base, Location> &&
    !std::is_copy_constructible_v<Base> && !std::is_move_constructible_v<Base> &&
    !std::is_copy_assignable_v<Base> && !std::is_move_assignable_v<Base> && !std::is_destructible_v<Base>;
static_assert(closed_to_users<AnyPublisher> && closed_to_users<AnySubscriber> && closed_to_users<ViewBase>);
static_assert(!std::is_assignable_v<AnyPublisher&, Publisher<int>> &&
              !std::is_assignable_v<AnySubscriber&, Subscriber<int>>);
static_assert(!std::is_assignable_v<Publisher<int>&, Publisher<double>> &&
              !std::is_assignable_v<Subscriber<int>&, Subscriber<double>>);

// A loan is used up by commit(): it is moved, and never copied.
template <class Loan>
constexpr bool moves_only =
    std::is_nothrow_move_constructible_v<Loan>&& std::is_nothrow_move_assignable_v<Loan> &&
    !std::is_copy_constructible_v<Loan> && !std::is_copy_assignable_v<Loan>;
template <class Loan, class... Size>
concept CommitsLvalue = requires(Loan& loan, Size... size) {
  loan.commit(size...);
};
template <class Loan, class... Size>
concept CommitsRvalue = requires(Loan loan, Size... size) {
  std::move(loan).commit(size...);
};
static_assert(moves_only<Loan<int>> && !CommitsLvalue<Loan<int>> && CommitsRvalue<Loan<int>>);
static_assert(moves_only<ByteLoan> && !CommitsLvalue<ByteLoan, std::size_t> &&
              CommitsRvalue<ByteLoan, std::size_t>);

// Bytes are text, or a contiguous range of values that mean the same in another process.
template <class... T>
concept Publishable = requires(BytePublisher& publisher, const T&... message) {
  publisher.publish(message...);
};
static_assert(Publishable<std::string> && Publishable<std::string_view> && Publishable<const char*> &&
              Publishable<std::vector<std::uint8_t>> && Publishable<std::array<float, 4>> &&
              Publishable<std::span<const std::byte>>);
static_assert(!Publishable<std::vector<int*>> && !Publishable<std::array<const char*, 2>> &&
              !Publishable<std::vector<std::string_view>> && !Publishable<std::vector<std::string>> &&
              !Publishable<std::list<int>> && !Publishable<std::deque<char>> &&
              !Publishable<std::vector<bool>>);
static_assert(!Publishable<int> && !Publishable<int*> && !Publishable<const char*, const char*>);
// Pieces are gathered; their addresses are no message.
static_assert(!std::is_constructible_v<BytesRef, std::vector<BytesRef>> &&
              !std::is_constructible_v<BytesRef, std::span<const BytesRef>>);
static_assert(std::is_constructible_v<std::span<const BytesRef>, std::vector<BytesRef>>);

struct Bytes {
  TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 8, .max_message_size = 100}};
  ByteSubscriber subscriber{folder.channel()};

  std::string next_text() {
    const auto received = subscriber.next();
    return received ? std::string{received->text()} : "nothing";
  }
};

struct Numbers {
  TemporaryFolder folder;
  std::optional<NumberPublisher> publisher{std::in_place, folder.channel(), PublisherOptions{.capacity = 8}};
  NumberSubscriber subscriber{folder.channel()};

  void publish(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) publisher->publish((publisher->head() + 1) * 100);
  }
  void is_next(std::uint64_t sequence, std::uint64_t lost = 0) {
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(received->sequence == sequence);
    CHECK(received->message == sequence * 100);
    CHECK(received->lost == lost);
  }
};

} // namespace

TEST_CASE("a loan is committed once, and the second commit publishes nothing") {
  Numbers channel;
  auto loan = channel.publisher->loan();
  *loan = 100;
  CHECK(std::move(loan).commit() == 1);
  CHECK_THROWS_AS(std::move(loan).commit(), std::logic_error);
  CHECK(channel.publisher->head() == 1);
  channel.is_next(1);
  CHECK_FALSE(channel.subscriber.next());
}

TEST_CASE("a loan from before another publish() or commit() is stale, and publishes nothing") {
  Numbers channel;
  auto first = channel.publisher->loan();
  *first = 7;
  channel.publish(1);
  CHECK_THROWS_AS(std::move(first).commit(), std::logic_error);
  auto second = channel.publisher->loan();
  auto third = channel.publisher->loan(); // the same slot
  *third = 200;
  CHECK(std::move(third).commit() == 2);
  CHECK_THROWS_AS(std::move(second).commit(), std::logic_error);
  channel.is_next(1);
  channel.is_next(2);
  CHECK_FALSE(channel.subscriber.next());
}

TEST_CASE("a loan that was moved can be committed by its new owner alone") {
  Numbers channel;
  auto first = channel.publisher->loan();
  *first = 100;
  auto second = std::move(first);
  CHECK_THROWS_AS(std::move(first).commit(), std::logic_error);
  CHECK(std::move(second).commit() == 1);
  auto third = channel.publisher->loan();
  *third = 200;
  second = std::move(third);
  CHECK(std::move(second).commit() == 2);
  channel.is_next(1);
  channel.is_next(2);
}

TEST_CASE("a loan of bytes is committed once, and can be committed after a size that was too large") {
  Bytes channel;
  auto loan = channel.publisher.loan();
  std::memcpy(loan.bytes().data(), "bytes", 5);
  CHECK_THROWS_AS(std::move(loan).commit(101), std::length_error);
  CHECK(channel.publisher.head() == 0);
  CHECK(std::move(loan).commit(5) == 1);
  CHECK_THROWS_AS(std::move(loan).commit(5), std::logic_error);
  auto stale = channel.publisher.loan();
  channel.publisher.publish("other");
  CHECK_THROWS_AS(std::move(stale).commit(5), std::logic_error);
  CHECK(channel.next_text() == "bytes");
  CHECK(channel.next_text() == "other");
  CHECK(channel.next_text() == "nothing");
}

TEST_CASE("texts, strings and containers in braces are gathered into one message") {
  Bytes channel;
  const std::string header = "header;";
  const std::string body = "body";
  channel.publisher.publish({"key: ", "value"});
  CHECK(channel.next_text() == "key: value");
  channel.publisher.publish({header, body});
  CHECK(channel.next_text() == "header;body");
  channel.publisher.publish({header, std::string{"temporary"}, "literal"});
  CHECK(channel.next_text() == "header;temporaryliteral");
  channel.publisher.publish({header, std::vector<char>{'a', 'b'}, std::span<const std::byte>{}});
  CHECK(channel.next_text() == "header;ab");
  const std::vector<BytesRef> pieces{header, body, header};
  channel.publisher.publish(std::span<const BytesRef>{pieces});
  CHECK(channel.next_text() == "header;bodyheader;");
}

TEST_CASE("a contiguous range of a trivially copyable type is published as its bytes") {
  Bytes channel;
  channel.publisher.publish(std::vector<std::uint8_t>{'a', 0, 'b'});
  CHECK(channel.next_text() == std::string{"a\0b", 3});
  const std::array<float, 4> floats{1.5F, 2.5F, 3.5F, 4.5F};
  channel.publisher.publish(floats);
  CHECK(channel.subscriber.next()->as<std::array<float, 4>>() == floats);
  const std::uint16_t numbers[3]{1, 2, 3};
  channel.publisher.publish(numbers);
  CHECK(channel.subscriber.next()->message.size() == 6);
}

TEST_CASE("received bytes are given as a type of exactly their size") {
  Bytes channel;
  channel.publisher.publish(std::array<double, 2>{1.25, 2.5});
  const auto received = channel.subscriber.next();
  REQUIRE(received);
  CHECK(received->as<std::array<double, 2>>() == std::array<double, 2>{1.25, 2.5});
  CHECK_FALSE(received->as<double>());
  CHECK_FALSE(received->as<std::array<double, 3>>());
}

TEST_CASE("next_for() gives a message that is there, or that comes in time") {
  Numbers channel;
  channel.publish(1);
  CHECK(channel.subscriber.next_for(0ns).value().message == 100);
  CHECK(channel.subscriber.wait_result() == WaitResult::message);
  std::jthread thread{[&] { channel.publish(1); }};
  const auto received = channel.subscriber.next_for(test::long_timeout);
  REQUIRE(received);
  CHECK(received->sequence == 2);
  CHECK(channel.subscriber.wait_result() == WaitResult::message);
  thread.join();
  channel.publish(1);
  std::uint64_t number = 0;
  CHECK(channel.subscriber.next_for(number, test::long_timeout).value().sequence == 3);
  CHECK(number == 300);
}

TEST_CASE("next_for() gives nothing after its timeout, after a close, and when the token asks for it") {
  Numbers channel;
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(channel.subscriber.next_for(5ms));
  CHECK(std::chrono::steady_clock::now() - begin >= 5ms);
  CHECK(channel.subscriber.wait_result() == WaitResult::timeout);
  CHECK_FALSE(channel.subscriber.error());

  std::stop_source stop;
  std::jthread stopping{[&] { stop.request_stop(); }};
  CHECK_FALSE(channel.subscriber.next_for(std::chrono::nanoseconds::max(), stop.get_token()));
  CHECK(channel.subscriber.wait_result() == WaitResult::stopped);

  channel.publish(1);
  channel.publisher.reset();
  CHECK(channel.subscriber.next_for(test::long_timeout)); // a message comes before the end of its channel
  CHECK_FALSE(channel.subscriber.next_for(test::long_timeout));
  CHECK(channel.subscriber.wait_result() == WaitResult::closed);
  CHECK_FALSE(channel.subscriber.next_for(1ms)); // the close was reported
  CHECK(channel.subscriber.wait_result() == WaitResult::timeout);
}

TEST_CASE("next_for() gives nothing after its publisher crashed, and after the channel lost its name") {
  const TemporaryFolder folder;
  { const NumberPublisher publisher{folder.channel()}; }
  test::patch_file<std::uint64_t>(folder / "channel", 384, 1); // live, although no process holds the lock
  NumberSubscriber subscriber{folder.channel()};
  CHECK_FALSE(subscriber.next_for(test::long_timeout));
  CHECK(subscriber.wait_result() == WaitResult::no_publisher);
  CHECK(seqcast::remove_channel(folder.channel()));
  CHECK_FALSE(subscriber.next_for(test::long_timeout));
  CHECK(subscriber.wait_result() == WaitResult::superseded);
}

TEST_CASE("next_for() of bytes fills the caller's buffer, and reports a message that does not fit") {
  Bytes channel;
  channel.publisher.publish("twelve bytes");
  std::array<std::byte, 12> room{};
  CHECK_FALSE(channel.subscriber.next_for(std::span{room}.first(11), test::long_timeout));
  CHECK(channel.subscriber.wait_result() == WaitResult::message);
  CHECK(channel.subscriber.error() == Errc::buffer_too_small);
  CHECK(channel.subscriber.needed_size() == 12);
  CHECK(channel.subscriber.next_for(room, test::long_timeout).value().text() == "twelve bytes");
  channel.publisher.publish("own buffer");
  CHECK(channel.subscriber.next_for(test::long_timeout).value().text() == "own buffer");
}

TEST_CASE("a loop over messages() ends when the channel is closed") {
  Numbers channel;
  constexpr std::uint64_t count = 1000;
  std::jthread publishing{[&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      channel.publish(1);
      if (i % 7 == 0) std::this_thread::yield();
    }
    channel.publisher.reset();
  }};
  std::uint64_t last = 0;
  for (const auto& number : channel.subscriber.messages()) {
    CHECK(number.message == number.sequence * 100);
    CHECK(number.sequence == last + 1 + number.lost);
    last = number.sequence;
  }
  CHECK(last == count);
  CHECK(channel.subscriber.wait_result() == WaitResult::closed);
  CHECK_FALSE(channel.subscriber.error());
}

TEST_CASE("a loop over messages() ends when the token asks for it, and a later loop goes on") {
  Numbers channel;
  channel.publish(3);
  std::stop_source stop;
  std::uint64_t received = 0;
  for (const auto& number : channel.subscriber.messages(stop.get_token())) {
    ++received;
    if (number.sequence == 3) stop.request_stop();
  }
  CHECK(received == 3);
  CHECK(channel.subscriber.wait_result() == WaitResult::stopped);
  channel.publish(2);
  channel.publisher.reset();
  for (const auto& number : channel.subscriber.messages()) CHECK(number.sequence == ++received);
  CHECK(received == 5);
}

TEST_CASE("a loop over messages() ends when another region takes the name, unless the subscriber follows") {
  for (const bool follow : {false, true}) {
    CAPTURE(follow);
    const TemporaryFolder folder;
    std::optional<NumberPublisher> publisher{std::in_place, folder.channel()};
    NumberSubscriber subscriber{folder.channel(), {.follow = follow}};
    publisher->publish(1);
    seqcast::remove_channel(folder.channel(), {.even_if_alive = true});
    NumberPublisher second{folder.channel()};
    second.publish(2);
    std::stop_source stop;
    std::vector<std::uint64_t> received;
    for (const auto& number : subscriber.messages(stop.get_token())) {
      received.push_back(number.message);
      if (number.message == 2) stop.request_stop();
    }
    CHECK(received == (follow ? std::vector<std::uint64_t>{1, 2} : std::vector<std::uint64_t>{1}));
    CHECK(subscriber.wait_result() == (follow ? WaitResult::stopped : WaitResult::superseded));
  }
}

TEST_CASE("a loop over messages of bytes gives each in the subscriber's buffer") {
  Bytes channel;
  std::stop_source stop;
  channel.publisher.publish("one");
  channel.publisher.publish("two");
  std::string all;
  for (const auto& message : channel.subscriber.messages(stop.get_token())) {
    all += message.text();
    if (message.sequence == 2) stop.request_stop();
  }
  CHECK(all == "onetwo");
}

TEST_CASE("latest_view() gives the newest message in place, read before or not") {
  Numbers channel;
  CHECK_FALSE(channel.subscriber.latest_view());
  channel.publish(5);
  for (int i = 0; i < 2; ++i) {
    auto view = channel.subscriber.latest_view();
    REQUIRE(view);
    CHECK(view->sequence == 5);
    CHECK(view->lost == 0);
    CHECK(**view == 500);
    CHECK(channel.subscriber.cursor() == (i == 0 ? 0 : 5));
    CHECK(view->validate());
    CHECK(channel.subscriber.cursor() == 5);
  }
  channel.publish(1);
  channel.is_next(6);

  Bytes bytes;
  bytes.publisher.publish("old");
  bytes.publisher.publish("newest");
  auto view = bytes.subscriber.latest_view();
  REQUIRE(view);
  CHECK(view->bytes().size() == 6);
  CHECK(view->validate());
  CHECK_FALSE(bytes.subscriber.next());
}

TEST_CASE("seek() goes back and forward among the messages that are still there") {
  Numbers channel;
  channel.publish(5);
  CHECK(channel.subscriber.seek(2) == 2);
  CHECK(channel.subscriber.lag() == 4);
  channel.is_next(2);
  CHECK(channel.subscriber.seek(5) == 5); // what is skipped by seek() is not lost
  channel.is_next(5);
  CHECK(channel.subscriber.seek(1) == 1);
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) channel.is_next(sequence);
  CHECK_FALSE(channel.subscriber.next());
}

TEST_CASE("seek() beyond the end goes on with the next message to come") {
  Numbers channel;
  CHECK(channel.subscriber.seek(17) == 1);
  channel.publish(3);
  channel.is_next(1);
  CHECK(channel.subscriber.seek(4) == 4);
  CHECK(channel.subscriber.seek(~std::uint64_t{0}) == 4);
  CHECK_FALSE(channel.subscriber.next());
  channel.publish(1);
  channel.is_next(4);
}

TEST_CASE(
    "seek() to a message that was overwritten goes on with the oldest there is, and counts what is lost") {
  for (const std::uint64_t wanted : {0U, 1U, 3U, 20U}) {
    CAPTURE(wanted);
    Numbers channel;
    channel.publish(30);
    CHECK(channel.subscriber.seek(wanted) == 24); // 8 slots, one of them open
    const auto received = channel.subscriber.next();
    REQUIRE(received);
    CHECK(received->sequence == 24);
    CHECK(received->lost == 24 - std::max<std::uint64_t>(wanted, 1));
    CHECK(received->message == received->sequence * 100);
  }
}

TEST_CASE("a loan of a publisher that was moved from is stale") {
  const TemporaryFolder folder;
  NumberPublisher publisher{folder.channel()};
  auto loan = publisher.loan();
  NumberPublisher other{std::move(publisher)};
  CHECK_THROWS_AS(std::move(loan).commit(), std::logic_error);
  CHECK(other.publish(1) == 1);
}

TEST_CASE("a view is not valid after its subscriber has moved on to another region") {
  const TemporaryFolder folder;
  std::optional<NumberPublisher> publisher{folder.channel()};
  NumberSubscriber subscriber{folder.channel()};
  publisher->publish(1);
  auto view = subscriber.view();
  REQUIRE(view);
  publisher.reset();
  REQUIRE(remove_channel(folder.channel()));
  publisher.emplace(folder.channel());
  publisher->publish(2);
  REQUIRE(subscriber.reopen());
  CHECK_FALSE(view->validate());
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->message == 2);
}

TEST_CASE("an array of characters is a text up to its zero, and whole if it has none") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  const char full[4] = {'a', 'b', 'c', 'd'};
  char part[8] = "xy";
  publisher.publish(full);
  publisher.publish(part);
  publisher.publish({full, part});
  for (const char* expected : {"abcd", "xy", "abcdxy"}) {
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(received->text() == expected);
  }
}

namespace {

/// Neither assigned nor made from nothing.
struct Fixed {
  explicit Fixed(int its_value) : value{its_value} {}
  const int value;
};

} // namespace

TEST_CASE("a message need be neither assignable nor default-constructible") {
  const TemporaryFolder folder;
  Publisher<Fixed> publisher{folder.channel()};
  Subscriber<Fixed> subscriber{folder.channel()};
  ByteSubscriber bytes{folder.channel()};
  publisher.publish(Fixed{7});
  const auto received = subscriber.next_for(test::long_timeout);
  REQUIRE(received);
  CHECK(received->message.value == 7);
  const auto raw = bytes.next();
  REQUIRE(raw);
  REQUIRE(raw->as<Fixed>());
  CHECK(raw->as<Fixed>()->value == 7);
  publisher.publish(Fixed{8});
  for (const auto& message : subscriber.messages()) {
    CHECK(message.message.value == 8);
    break;
  }
}

TEST_CASE("a loop over messages() ends when the token asks for it, also while there are messages") {
  Numbers channel;
  channel.publish(5);
  std::stop_source stop;
  int read = 0;
  channel.subscriber.seek(1);
  for (const auto& message : channel.subscriber.messages(stop.get_token())) {
    CHECK(message.sequence == 1);
    ++read;
    stop.request_stop();
  }
  CHECK(read == 1);
  CHECK(channel.subscriber.wait_result() == WaitResult::stopped);
}

TEST_CASE("a publish time that no clock gives is none") {
  CHECK_FALSE(detail::time_point_of(0));
  CHECK_FALSE(detail::time_point_of(std::uint64_t{1} << 63));
  CHECK_FALSE(detail::time_point_of(~std::uint64_t{0}));
  CHECK(detail::time_point_of(5)->time_since_epoch() == 5ns);
}
