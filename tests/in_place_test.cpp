// SPDX-License-Identifier: BSL-1.0
//
// Loans and views: what is written in place is published by commit() and not before; what is read in place
// counts as received when validate() gives true, and not otherwise.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>
#include "support/temporary.hpp"

#include <cstring>

using namespace seqcast;

namespace {

struct Image {
  std::array<std::uint64_t, 100> words;
};

struct Bytes {
  test::TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 4, .max_message_size = 100}};
  ByteSubscriber subscriber{folder.channel()};
};

struct Typed {
  test::TemporaryFolder folder;
  Publisher<Image> publisher{folder.channel(), {.capacity = 4}};
  Subscriber<Image> subscriber{folder.channel()};
};

void put(std::span<std::byte> to, std::string_view text) {
  std::memcpy(to.data(), text.data(), text.size());
}

} // namespace

TEST_CASE("what is written into a loan is published by commit, and not before") {
  Typed channel;
  auto loan = channel.publisher.loan();
  loan->words.fill(7);
  CHECK_FALSE(channel.subscriber.next());
  CHECK(channel.publisher.head() == 0);

  CHECK(std::move(loan).commit() == 1);
  const auto received = channel.subscriber.next();
  REQUIRE(received);
  CHECK(received->sequence == 1);
  CHECK(received->message.words == loan->words);
}

TEST_CASE("a loan that is dropped publishes nothing, and the next one is the same slot") {
  Typed channel;
  {
    auto dropped = channel.publisher.loan();
    dropped->words.fill(1);
  }
  CHECK_FALSE(channel.subscriber.next());
  auto loan = channel.publisher.loan();
  loan->words.fill(2);
  CHECK(std::move(loan).commit() == 1);
  CHECK(channel.subscriber.next()->message.words[99] == 2);
}

TEST_CASE("a loan of bytes publishes as many as commit() names, and refuses more than there is room for") {
  Bytes channel;
  auto loan = channel.publisher.loan();
  CHECK(loan.bytes().size() == 100);
  put(loan.bytes(), "hello, you");
  CHECK_THROWS_AS(std::move(loan).commit(101), std::length_error);
  CHECK(channel.publisher.head() == 0);
  CHECK(std::move(loan).commit(5) == 1);
  CHECK(channel.subscriber.next()->text() == "hello");
  CHECK(channel.publisher.loan().commit(0) == 2);
  CHECK(channel.subscriber.next()->message.empty());
}

TEST_CASE("a loan that is committed wakes sleepers, and carries a publish time if the channel does") {
  const test::TemporaryFolder folder;
  Publisher<Image> publisher{folder.channel(), {.timestamps = true}};
  Subscriber<Image> subscriber{folder.channel()};
  publisher.loan().commit();
  CHECK(subscriber.wait_for(std::chrono::seconds{5}) == WaitResult::message);
  CHECK(subscriber.next()->published_at);
}

TEST_CASE("a view is unread until validate() gives true") {
  Typed channel;
  channel.publisher.publish(Image{{5}});
  {
    const auto view = channel.subscriber.view();
    REQUIRE(view);
    CHECK((*view)->words[0] == 5);
    CHECK(view->sequence == 1);
    CHECK(view->lost == 0);
  }
  CHECK(channel.subscriber.lag() == 1);
  auto view = channel.subscriber.view();
  REQUIRE(view);
  CHECK(view->validate());
  CHECK(view->validate()); // and still is
  CHECK(channel.subscriber.cursor() == 1);
  CHECK_FALSE(channel.subscriber.view());
  CHECK_FALSE(channel.subscriber.error());
}

TEST_CASE("validate() gives false for a view that was overrun, and the next message counts the lost") {
  Typed channel;
  channel.publisher.publish(Image{{1}});
  auto view = channel.subscriber.view();
  REQUIRE(view);
  channel.publisher.publish(Image{{2}});
  channel.publisher.publish(Image{{3}});
  CHECK(view->validate());
  auto second = channel.subscriber.view();
  REQUIRE(second);
  CHECK(second->sequence == 2);
  for (std::uint64_t i = 4; i <= 5; ++i) channel.publisher.publish(Image{{i}});
  CHECK_FALSE(second->validate()); // its slot is open for message 6
  CHECK((*second)->words[0] != 5);
  CHECK(channel.subscriber.cursor() == 1);
  const auto next = channel.subscriber.next();
  REQUIRE(next);
  CHECK(next->message.words[0] == next->sequence);
  CHECK(next->lost == next->sequence - 2);
  CHECK_FALSE(second->validate());
  CHECK(channel.subscriber.cursor() == next->sequence);
}

TEST_CASE("an old view does not take the cursor back") {
  Typed channel;
  channel.publisher.publish(Image{{1}});
  channel.publisher.publish(Image{{2}});
  auto view = channel.subscriber.view();
  REQUIRE(view);
  CHECK(channel.subscriber.next()->sequence == 1);
  CHECK(channel.subscriber.next()->sequence == 2);
  CHECK(view->validate());
  CHECK(channel.subscriber.cursor() == 2);
}

TEST_CASE("a view of bytes is as long as the message") {
  Bytes channel;
  channel.publisher.publish("sixteen letters!");
  channel.publisher.publish("");
  auto view = channel.subscriber.view();
  REQUIRE(view);
  CHECK(std::memcmp(view->bytes().data(), "sixteen letters!", 16) == 0);
  CHECK(view->bytes().size() == 16);
  CHECK(view->validate());
  view = channel.subscriber.view();
  REQUIRE(view);
  CHECK(view->bytes().empty());
  CHECK(view->validate());
}

TEST_CASE("a view of a message of another size is refused like a copy, and passed over") {
  const test::TemporaryFolder folder;
  BytePublisher publisher{folder.channel(),
                          {.max_message_size = sizeof(Image), .message_alignment = alignof(Image)}};
  Subscriber<Image> subscriber{folder.channel()};
  publisher.publish("short");
  CHECK_FALSE(subscriber.view());
  CHECK(subscriber.error() == Errc::wrong_size);
  CHECK_FALSE(subscriber.view());
  CHECK_FALSE(subscriber.error());
}

TEST_CASE("a payload in place is aligned as its type is") {
  struct alignas(64) Aligned {
    std::array<std::byte, 192> bytes;
  };
  const test::TemporaryFolder folder;
  Publisher<Aligned> publisher{folder.channel()};
  Subscriber<Aligned> subscriber{folder.channel()};
  for (int i = 0; i < 20; ++i) {
    auto loan = publisher.loan();
    CHECK(std::bit_cast<std::uintptr_t>(&*loan) % 64 == 0);
    std::move(loan).commit();
    auto view = subscriber.view();
    REQUIRE(view);
    CHECK(std::bit_cast<std::uintptr_t>(&**view) % 64 == 0);
    CHECK(view->validate());
  }
}
