// SPDX-License-Identifier: BSL-1.0
//
// Messages of many types through a real channel: every size from 1 to 100, over-aligned types, types without a
// default constructor, types that are too large to be returned by value.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/file_bytes.hpp"
#include "support/temporary.hpp"

#include <memory>
#include <utility>

using namespace seqcast;
using test::TemporaryFolder;

namespace {

template <std::size_t Size, std::size_t Alignment = 1>
struct alignas(Alignment) Block {
  std::array<std::uint8_t, Size> bytes;
  friend bool operator==(const Block&, const Block&) = default;
};

template <class T>
T filled(std::size_t seed) {
  T block{};
  for (std::size_t i = 0; i < block.bytes.size(); ++i)
    block.bytes[i] = static_cast<std::uint8_t>(i * 31 + seed * 7);
  return block;
}

/// Sends more messages than the ring has slots through a channel of T, and reads them by each call.
template <class T>
void round_trip(bool timestamps) {
  const TemporaryFolder folder;
  Publisher<T> publisher{folder.channel(), {.capacity = 4, .timestamps = timestamps}};
  Subscriber<T> subscriber{folder.channel()};
  for (std::size_t i = 1; i <= 6; ++i) {
    const T sent = filled<T>(i);
    publisher.publish(sent);
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(received->message == sent);
    CHECK(subscriber.latest()->message == sent);
    T into = filled<T>(0);
    const auto delivery = subscriber.latest(into);
    REQUIRE(delivery);
    CHECK(delivery->sequence == i);
    CHECK(into == sent);
  }
}

template <std::size_t... Size>
void round_trip_all(std::index_sequence<Size...>) {
  (round_trip<Block<Size>>(Size % 2 == 0), ...);
}

struct Undefaulted {
  explicit Undefaulted(int n) : number{n}, twice{2 * n} {}
  int number;
  int twice;
};

struct Large {
  std::array<std::uint64_t, 100'000> words;
};

} // namespace

TEST_CASE("messages of 1 to 17 bytes, and of sizes around whole words and lines") {
  round_trip_all(std::index_sequence<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17>{});
  round_trip_all(std::index_sequence<31, 32, 33, 47, 48, 49, 63, 64, 65, 99, 100>{});
}

TEST_CASE("over-aligned messages are aligned in the region, and arrive") {
  const auto aligned = []<std::size_t Alignment>(std::integral_constant<std::size_t, Alignment>) {
    using T = Block<Alignment, Alignment>;
    round_trip<T>(false);
    round_trip<T>(true);
    const TemporaryFolder folder;
    Publisher<T> publisher{folder.channel(), {.capacity = 2}};
    const test::Bytes region = test::read_file(folder / "channel");
    CHECK(test::number_at<std::uint32_t>(region, 52) == Alignment);
    CHECK(test::number_at<std::uint64_t>(region, 24) % Alignment == 0); // slots
    CHECK(test::number_at<std::uint64_t>(region, 32) % Alignment == 0); // stride
    CHECK(test::number_at<std::uint32_t>(region, 56) % Alignment == 0); // payload
  };
  aligned(std::integral_constant<std::size_t, 16>{});
  aligned(std::integral_constant<std::size_t, 32>{});
  aligned(std::integral_constant<std::size_t, 64>{});
  aligned(std::integral_constant<std::size_t, 128>{});
  aligned(std::integral_constant<std::size_t, 4096>{});
}

TEST_CASE("a type without a default constructor") {
  const TemporaryFolder folder;
  Publisher<Undefaulted> publisher{folder.channel()};
  Subscriber<Undefaulted> subscriber{folder.channel()};
  publisher.publish(Undefaulted{21});
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->message.number == 21);
  CHECK(received->message.twice == 42);
  Undefaulted into{0};
  CHECK(subscriber.latest(into));
  CHECK(into.twice == 42);
}

TEST_CASE("a message of 800 kB is read in place by next(T&) and latest(T&)") {
  const TemporaryFolder folder;
  Publisher<Large> publisher{folder.channel(), {.capacity = 2}};
  Subscriber<Large> subscriber{folder.channel()};
  const auto sent = std::make_unique<Large>();
  const auto received = std::make_unique<Large>();
  for (std::uint64_t round = 1; round <= 3; ++round) {
    for (std::size_t i = 0; i < sent->words.size(); ++i) sent->words[i] = i * round;
    publisher.publish(*sent);
    const auto delivery = subscriber.next(*received);
    REQUIRE(delivery);
    CHECK(delivery->sequence == round);
    CHECK(delivery->lost == 0);
    CHECK(received->words == sent->words);
    received->words.fill(0);
    CHECK(subscriber.latest(*received));
    CHECK(received->words == sent->words);
  }
  CHECK_FALSE(subscriber.next(*received));
}

TEST_CASE("a message that was published later than now has no age") {
  seqcast::Delivery delivery;
  CHECK_FALSE(delivery.age());
  delivery.published_at = std::chrono::steady_clock::now();
  CHECK(delivery.age().value() >= std::chrono::nanoseconds{0});
  delivery.published_at =
      std::chrono::steady_clock::now() + std::chrono::hours{2400}; // of another time namespace
  CHECK_FALSE(delivery.age());
}
