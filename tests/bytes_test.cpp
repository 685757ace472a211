// SPDX-License-Identifier: BSL-1.0
//
// BytePublisher and ByteSubscriber: messages of any size, text, pieces, the caller's own buffers, messages that
// are too long for a channel or for a buffer, and channels that one side opens with a type.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/file_bytes.hpp"
#include "support/guarded_memory.hpp"
#include "support/temporary.hpp"

#include <stdexcept>
#include <vector>

using namespace seqcast;
using test::TemporaryFolder;

namespace {

using Buffer = std::vector<std::byte>;

Buffer bytes(std::size_t size, std::size_t seed) {
  Buffer all(size);
  for (std::size_t i = 0; i < size; ++i) all[i] = static_cast<std::byte>((i * 37 + seed * 101 + 13) % 256);
  return all;
}

bool same(std::span<const std::byte> one, std::span<const std::byte> other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

std::span<const std::byte> piece(std::string_view text) {
  return std::as_bytes(std::span{text.data(), text.size()});
}

} // namespace

TEST_CASE("messages of every size around the powers of two arrive byte for byte") {
  const TemporaryFolder folder;
  constexpr std::uint32_t most = 65537;
  BytePublisher publisher{folder.channel(), {.capacity = 8, .max_message_size = most}};
  ByteSubscriber subscriber{folder.channel()};
  std::vector<std::size_t> sizes{0, 1, 2, 3};
  for (std::size_t power = 4; power <= 65536; power *= 2)
    sizes.insert(sizes.end(), {power - 1, power, power + 1});
  for (const std::size_t size : sizes) {
    CAPTURE(size);
    const test::GuardedMemory message{size};
    const Buffer content = bytes(size, size);
    std::copy(content.begin(), content.end(), message.data());
    publisher.publish(std::span<const std::byte>{message.bytes()});
    const test::GuardedMemory room{size};
    const auto received = subscriber.next(room.bytes());
    REQUIRE(received);
    CHECK(received->message.data() == room.data());
    CHECK(same(received->message, content));
    CHECK(same(subscriber.latest()->message, content));
  }
}

TEST_CASE("text arrives as it is, without a terminating zero, and may be empty or have zeros in it") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  for (const std::string_view text :
       {std::string_view{"msg 1"}, std::string_view{""}, std::string_view{"a\0b", 3}}) {
    publisher.publish(text);
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(received->text() == text);
    CHECK(received->message.size() == text.size());
  }
}

TEST_CASE("pieces are gathered into one message, in their order") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish({piece("header;"), piece(""), piece("a body of odd length;"), piece("end")});
  CHECK(subscriber.next()->text() == "header;a body of odd length;end");
  const std::vector<BytesRef> pieces(100, piece("abc"));
  CHECK(publisher.publish(std::span{pieces}) == 2);
  CHECK(subscriber.next()->message.size() == 300);
  publisher.publish(std::span<const BytesRef>{});
  CHECK(subscriber.next()->message.empty());
}

TEST_CASE("a message that is too long throws, and nothing of it is written") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 4, .max_message_size = 10}};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish("0123456789");
  const test::Bytes before = test::read_file(folder / "channel");
  const Buffer long_one = bytes(11, 1);
  CHECK_THROWS_AS(publisher.publish(std::span<const std::byte>{long_one}), std::length_error);
  CHECK_THROWS_AS(publisher.publish("01234567890"), std::length_error);
  CHECK_THROWS_AS(publisher.publish({piece("01234"), piece("56789"), piece("0")}), std::length_error);
  CHECK_THROWS_WITH(publisher.publish("01234567890"), doctest::Contains("max_message_size of 10 bytes"));
  // A length that would overflow a sum; it is not read.
  const std::span<const std::byte> endless{long_one.data(), ~std::size_t{0}};
  CHECK_THROWS_AS(publisher.publish({piece("0"), endless}), std::length_error);
  CHECK(test::read_file(folder / "channel") == before);
  CHECK(publisher.head() == 1);
  CHECK(publisher.publish("goes on") == 2);
  CHECK(subscriber.next()->text() == "0123456789");
  CHECK(subscriber.next()->text() == "goes on");
}

TEST_CASE("a channel whose schema has fields takes messages of their size alone") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 4, .schema = "acme.Quote{bid:f64,ask:f64}"}};
  publisher.publish("0123456789abcdef");
  const test::Bytes before = test::read_file(folder / "channel");
  for (const std::string_view text : {"", "0123456789abcde", "0123456789abcdefg"}) {
    CAPTURE(text.size());
    CHECK_THROWS_AS(publisher.publish(text), std::length_error);
    CHECK_THROWS_AS(publisher.publish({piece(text)}), std::length_error);
    CHECK_THROWS_AS(publisher.publish({piece(text), piece("")}), std::length_error);
    ByteLoan loan = publisher.loan();
    CHECK_THROWS_AS(std::move(loan).commit(text.size()), std::length_error);
    const std::string expected = "a message has " + std::to_string(text.size()) +
                                 " bytes, and those of the channel's schema acme.Quote have 16";
    CHECK_THROWS_WITH(publisher.publish(text), doctest::Contains(expected.c_str()));
  }
  CHECK_THROWS_AS(publisher.publish(std::span<const BytesRef>{}), std::length_error);
  const std::span<const std::byte> endless{piece("0").data(), ~std::size_t{0}};
  CHECK_THROWS_AS(publisher.publish({piece("0123456789abcdef"), piece("0"), endless}), std::length_error);
  CHECK(test::read_file(folder / "channel") == before);
  CHECK(publisher.publish({piece("01234567"), piece("89abcdef")}) == 2);
  ByteLoan loan = publisher.loan();
  CHECK_THROWS_AS(std::move(loan).commit(15), std::length_error);
  CHECK(std::move(loan).commit(16) == 3);
  // A name alone fixes no size.
  BytePublisher named{folder.channel("named"), {.schema = "acme.Text"}};
  CHECK(named.publish("") == 1);
  CHECK(named.publish("hello") == 2);
  // Another layout of the message is refused at opening, and after a take-over the size is fixed as well.
  { [[maybe_unused]] const BytePublisher ended = std::move(publisher); }
  BytePublisher successor{folder.channel(), {.schema = "T{<d:bid:<d:ask:}:acme.Quote:"}};
  CHECK_THROWS_AS(successor.publish("short"), std::length_error);
  CHECK(successor.publish("0123456789abcdef") == 4);
}

TEST_CASE("a message longer than the caller's buffer is reported with its size, and can still be read") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish("twenty bytes of text");
  publisher.publish("short");
  const test::GuardedMemory small{19};
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(subscriber.next(small.bytes()));
    CHECK(subscriber.error() == Errc::buffer_too_small);
    CHECK(subscriber.error() == std::errc::message_size);
    CHECK(subscriber.needed_size() == 20);
    CHECK(subscriber.cursor() == 0);
  }
  CHECK_FALSE(subscriber.next(std::span<std::byte>{}));
  CHECK(subscriber.needed_size() == 20);
  const test::GuardedMemory enough{20};
  CHECK(subscriber.next(enough.bytes())->text() == "twenty bytes of text");
  CHECK_FALSE(subscriber.error());
  CHECK(subscriber.next(small.bytes())->text() == "short");
  CHECK(subscriber.latest(small.bytes())->text() == "short");
}

TEST_CASE("several messages of one size are published and received in one call") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 8, .max_message_size = 40}};
  ByteSubscriber subscriber{folder.channel()};
  const Buffer content = bytes(std::size_t{5} * 11, 1);
  CHECK(publisher.publish_batch(content, 11) == 5);
  CHECK(publisher.publish_batch(Buffer{}, 11) == 5);
  const test::GuardedMemory room{33};
  const auto some = subscriber.next_batch(room.bytes(), 11);
  CHECK(some.count == 3);
  CHECK(some.sequence == 1);
  CHECK(some.lost == 0);
  CHECK(same(room.bytes(), std::span{content}.first(33)));
  const test::GuardedMemory more{54};   // not quite for a fifth
  publisher.publish_batch(content, 11); // laps
  const auto after = subscriber.next_batch(more.bytes(), 11);
  CHECK(after.count == 4);
  CHECK(after.sequence == 4 + after.lost);
  CHECK(subscriber.cursor() == after.sequence + 3);
  while (subscriber.next()) {
  }

  publisher.publish("eleven byte");
  publisher.publish("eleven byte");
  publisher.publish("of another size");
  CHECK(subscriber.next_batch(more.bytes(), 11).count == 2); // it ends before what has another size
  CHECK_FALSE(subscriber.error());
  CHECK(subscriber.next_batch(more.bytes(), 11).count == 0);
  CHECK(subscriber.error() == Errc::buffer_too_small);
  CHECK(subscriber.needed_size() == 15);
  CHECK(subscriber.next_batch(more.bytes(), 41).count == 0); // no message has this size
  CHECK(subscriber.error() == Errc::buffer_too_small);
  CHECK(subscriber.next_batch(more.bytes().first(10), 11).count == 0);
  CHECK(subscriber.next_batch(more.bytes(), 0).count == 0);
  CHECK(subscriber.next()->text() == "of another size");
  CHECK(subscriber.next_batch(more.bytes(), 11).count == 0);
  CHECK_FALSE(subscriber.error());

  const std::uint64_t head = publisher.head();
  CHECK_THROWS_AS(publisher.publish_batch(content, 10), std::length_error); // 55 bytes
  CHECK_THROWS_AS(publisher.publish_batch(content, 0), std::length_error);
  CHECK_THROWS_AS(publisher.publish_batch(content, 55), std::length_error);
  CHECK_THROWS_WITH(publisher.publish_batch(content, 10), doctest::Contains("55 bytes are no whole number"));
  BytePublisher described{folder.channel("described"), {.schema = "acme.Quote{bid:f64,ask:f64}"}};
  CHECK_THROWS_AS(described.publish_batch(Buffer(24), 8), std::length_error);
  CHECK(described.publish_batch(Buffer(48), 16) == 3);
  CHECK(publisher.head() == head);
}

TEST_CASE("a hostile length is passed over, bounded, and counts as lost") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 4, .max_message_size = 32}};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish("one");
  publisher.publish("two");
  test::patch_file<std::uint32_t>(folder / "channel", 512 + 8, 0xFFFF'FFFF);
  const test::GuardedMemory room{32};
  CHECK_FALSE(subscriber.next(room.bytes()));
  CHECK(subscriber.error() == Errc::wrong_size);
  const auto received = subscriber.next(room.bytes());
  REQUIRE(received);
  CHECK(received->text() == "two");
  CHECK(received->lost == 1);
}

TEST_CASE("a corrupt slot is reported by each call, and no wait spins on it") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 4, .max_message_size = 32}};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish("one");
  test::patch_file<std::uint64_t>(folder / "channel", 512, ~std::uint64_t{0});
  CHECK(subscriber.wait_for(std::chrono::seconds{10}) == WaitResult::message);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(subscriber.next());
    CHECK(subscriber.error() == Errc::corrupt);
  }
  CHECK(subscriber.wait_for(std::chrono::milliseconds{1}) == WaitResult::timeout);
}

TEST_CASE("a capacity of two loses exactly what is overwritten") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 2, .max_message_size = 8}};
  ByteSubscriber subscriber{folder.channel()};
  for (std::uint64_t round = 1; round <= 10; ++round) {
    for (int i = 0; i < 3; ++i) publisher.publish("message");
    const auto received = subscriber.next();
    REQUIRE(received);
    CHECK(received->sequence == 3 * round);
    CHECK(received->lost == 2);
  }
}

TEST_CASE("bytes can be read from a typed channel, and a type from a channel of bytes that fits it") {
  const TemporaryFolder folder;
  const auto abcd = std::bit_cast<std::uint32_t>(std::array{'A', 'B', 'C', 'D'});
  const auto dcba = std::bit_cast<std::uint32_t>(std::array{'D', 'C', 'B', 'A'});
  Publisher<std::uint32_t> typed{folder.channel("typed")};
  ByteSubscriber any{folder.channel("typed")};
  typed.publish(abcd);
  CHECK(any.next()->text() == "ABCD");

  BytePublisher publisher{folder.channel("bytes"), {.max_message_size = 4, .message_alignment = 4}};
  Subscriber<std::uint32_t> subscriber{folder.channel("bytes")};
  publisher.publish("ABCD");
  CHECK(subscriber.next()->message == abcd);
  publisher.publish("ABC"); // no std::uint32_t
  publisher.publish("DCBA");
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.error() == Errc::wrong_size);
  const auto received = subscriber.next();
  CHECK(received->message == dcba);
  CHECK(received->lost == 1);
}

TEST_CASE("the subscriber's own buffer takes every message, and is reused") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.max_message_size = 100}};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish(std::string(100, 'x'));
  publisher.publish("y");
  const auto first = subscriber.next();
  CHECK(first->message.size() == 100);
  const auto second = subscriber.next();
  CHECK(second->message.data() == first->message.data());
  CHECK(second->text() == "y");
}
