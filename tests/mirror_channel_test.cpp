// SPDX-License-Identifier: BSL-1.0
//
// A mirror (PublisherOptions::mirror_of): its messages have the sequences, publish times and epochs that they are
// given, it has the id of its origin, and no other publisher gets into it. How a mirror is kept over a network is
// in tests/mirror.
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace seqcast;
using test::publisher_refusal;
using test::TemporaryFolder;
using test::TemporaryObject;
using TimePoint = std::chrono::steady_clock::time_point;

namespace {

constexpr std::uint64_t origin_id = 0x1234'5678'9ABC'DEF1;
const PublisherOptions mirror{.capacity = 8, .timestamps = true, .mirror_of = origin_id};

TimePoint at(std::int64_t ns) {
  return TimePoint{std::chrono::nanoseconds{ns}};
}

ChannelIdentity identity_of(const Location& location) {
  return Inspector{location}.identity();
}

} // namespace

TEST_CASE("a message of a mirror has the sequence, the publish time and the epoch of its origin") {
  const TemporaryObject object;
  BytePublisher publisher{object.channel(), mirror};
  CHECK(publisher.gaps());
  CHECK(publisher.epoch() == Epoch{});
  ByteSubscriber subscriber{object.channel()};
  CHECK_FALSE(subscriber.epoch());

  CHECK(publisher.publish_as("ten", {.sequence = 10, .lost = 4, .published_at = at(77)}, {3, 9}) == 10);
  CHECK(publisher.publish_as("eleven", {.sequence = 11, .lost = 0, .published_at = {}}, {3, 9}) == 11);
  CHECK(publisher.head() == 11);
  CHECK(publisher.epoch() == Epoch{3, 9});
  const auto first = subscriber.next();
  REQUIRE(first);
  CHECK(first->text() == "ten");
  CHECK(first->sequence == 10);
  CHECK(first->lost == 9);
  CHECK(first->published_at == at(77));
  const auto second = subscriber.next();
  REQUIRE(second);
  CHECK(second->sequence == 11);
  CHECK(second->lost == 0);
  CHECK_FALSE(second->published_at);
  CHECK(subscriber.epoch() == Epoch{3, 9});

  // An epoch of the same parity, one that is left out, and a first sequence of its own.
  for (const Epoch epoch : {Epoch{5, 12}, Epoch{7, 13}, Epoch{7, 14}, Epoch{6, 15}}) {
    publisher.publish_as("", {.sequence = publisher.head() + 1}, epoch);
    CHECK(subscriber.epoch() == epoch);
    CHECK(Inspector{object.channel()}.status().epoch == epoch);
  }
}

TEST_CASE("more missing messages than there are slots are lost all the same, and counted") {
  const TemporaryObject object;
  BytePublisher publisher{object.channel(), mirror};
  ByteSubscriber subscriber{object.channel()};
  std::uint64_t sequence = 0;
  for (const std::uint64_t missing : {0U, 1U, 6U, 7U, 8U, 9U, 1'000'000U}) {
    sequence += missing + 1;
    CHECK(publisher.publish_as("text", {.sequence = sequence}, {1, 1}) == sequence);
    const auto message = subscriber.next();
    REQUIRE(message);
    CHECK(message->sequence == sequence);
    CHECK(message->lost == missing);
  }
}

TEST_CASE("what comes too late, is too long, or too far ahead is refused, and nothing is published") {
  const TemporaryObject object;
  BytePublisher publisher{object.channel(), mirror};
  publisher.publish_as("five", {.sequence = 5}, {1, 1});
  for (const std::uint64_t late : {0U, 1U, 5U}) {
    const std::string text = "seqcast: message " + std::to_string(late) + " comes too late for " +
                             to_string(object.channel()) + ", which has come to 5; nothing was published";
    CHECK_THROWS_WITH_AS(publisher.publish_as("late", {.sequence = late}, {2, 6}), text.c_str(),
                         std::logic_error);
  }
  CHECK_THROWS_AS(publisher.publish_as(std::string(1025, 'x'), {.sequence = 6}, {2, 6}), std::length_error);
  const std::uint64_t last = std::uint64_t{1} << 60;
  CHECK_THROWS_AS(publisher.publish_as("far", {.sequence = last + 2}, {2, 6}), std::length_error);
  CHECK_THROWS_AS(publisher.publish_as("far", {.sequence = UINT64_MAX}, {2, 6}), std::length_error);
  CHECK(publisher.head() == 5);
  CHECK(publisher.epoch() == Epoch{1, 1});
  CHECK(publisher.publish_as("far", {.sequence = last}, {2, 6}) == last);

  const TemporaryObject other;
  BytePublisher ordinary{other.channel(), {.gaps = true}};
  CHECK_THROWS_AS(ordinary.publish_as("text", {.sequence = 1}, {1, 1}), std::logic_error);
  CHECK(ordinary.head() == 0);
}

TEST_CASE("a successor goes on with the mirror, and what it says of its origin") {
  const TemporaryFolder folder;
  ByteSubscriber subscriber = [&] {
    BytePublisher publisher{folder.channel(), mirror};
    publisher.publish_as("text", {.sequence = 20}, {4, 11});
    return ByteSubscriber{folder.channel()};
  }();
  CHECK(subscriber.state() == ChannelState::closed);
  BytePublisher publisher{folder.channel(), {.mirror_of = origin_id}};
  CHECK(publisher.head() == 20);
  CHECK(publisher.epoch() == Epoch{4, 11});
  publisher.publish_as("text", {.sequence = 22}, publisher.epoch());
  const auto message = subscriber.next();
  REQUIRE(message);
  CHECK(message->sequence == 22);
  CHECK(message->lost == 1);
}

TEST_CASE("each region has an id of its own, and a mirror that of its origin") {
  const TemporaryFolder folder;
  std::vector<std::uint64_t> ids;
  for (const char* const name : {"a", "b", "c"}) {
    const BytePublisher publisher{folder.channel(name)};
    const ChannelIdentity identity = identity_of(folder.channel(name));
    CHECK_FALSE(identity.mirror);
    CHECK(identity.id != 0);
    for (const std::uint64_t other : ids) CHECK(identity.id != other);
    ids.push_back(identity.id);
  }
  { const BytePublisher again{folder.channel("a")}; }
  CHECK(identity_of(folder.channel("a")).id == ids[0]);
  { const BytePublisher replacing{folder.channel("a"), {.max_message_size = 7, .replace = true}}; }
  CHECK(identity_of(folder.channel("a")).id != ids[0]);

  const BytePublisher publisher{folder.channel("far"), mirror};
  CHECK(identity_of(folder.channel("far")).id == origin_id);
  CHECK(identity_of(folder.channel("far")).mirror);
  CHECK(identity_of(folder.channel("far")).gaps);
  CHECK(identity_of(folder.channel("far")).unknown_flags == 0);
}

TEST_CASE("a mirror has no other publisher than one of the same origin, unless it is replaced") {
  const TemporaryFolder folder;
  { const BytePublisher publisher{folder.channel("mirror"), mirror}; }
  { const BytePublisher publisher{folder.channel("ordinary"), {.capacity = 8, .gaps = true}}; }
  CHECK(publisher_refusal<BytePublisher>(folder.channel("mirror"), {}).code == Errc::wrong_identity);
  CHECK(publisher_refusal<BytePublisher>(folder.channel("mirror"), {.gaps = true}).code ==
        Errc::wrong_identity);
  CHECK(publisher_refusal<BytePublisher>(folder.channel("mirror"), {.mirror_of = origin_id + 1}).code ==
        Errc::wrong_identity);
  CHECK(publisher_refusal<BytePublisher>(folder.channel("ordinary"), {.mirror_of = origin_id}).code ==
        Errc::wrong_identity);
  const std::uint64_t id = identity_of(folder.channel("ordinary")).id;
  CHECK(publisher_refusal<BytePublisher>(folder.channel("ordinary"), {.mirror_of = id}).code ==
        Errc::wrong_identity);

  ByteSubscriber subscriber{folder.channel("mirror")};
  const BytePublisher another{folder.channel("mirror"), {.mirror_of = origin_id + 1, .replace = true}};
  CHECK(subscriber.state() == ChannelState::superseded);
  CHECK(identity_of(folder.channel("mirror")).id == origin_id + 1);
}

TEST_CASE("a mirror without an id, without gaps, or of one type is refused") {
  const TemporaryFolder folder;
  CHECK(publisher_refusal<BytePublisher>(folder.channel(), {.mirror_of = 0}).code == Errc::invalid_options);
  CHECK(publisher_refusal<BytePublisher>(folder.channel(), {.gaps = false, .mirror_of = 1}).code ==
        Errc::invalid_options);
  CHECK(publisher_refusal<Publisher<int>>(folder.channel(), {.mirror_of = 1}).code == Errc::invalid_options);
}
