// SPDX-License-Identifier: BSL-1.0
//
// A subscriber that follows (SubscriberOptions::follow) is told of the channel that has taken the place of its
// own, also when that channel has messages already, and gets those.
#include "support/waiting.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <optional>

using test::far_away;
using test::Wait;

TEST_CASE("a subscriber that follows is told of the replacement before it gets the replacement's messages") {
  const test::TemporaryFolder folder;
  const auto where = folder.channel();
  std::optional<seqcast::BytePublisher> publisher{std::in_place, where};
  seqcast::ByteSubscriber subscriber{where, {.follow = true}};
  publisher->publish("old");
  REQUIRE(subscriber.next());

  publisher.reset();
  publisher.emplace(where, seqcast::PublisherOptions{.max_message_size = 64, .replace = true});
  publisher->publish("new");
  CHECK(subscriber.wait_for(far_away) == Wait::superseded);
  CHECK(subscriber.wait_for(far_away) == Wait::message);
  const auto message = subscriber.next();
  REQUIRE(message);
  CHECK(message->text() == "new");
  CHECK(message->sequence == 1);

  // What becomes of the new channel is told too, although the old one ended in the same way.
  publisher.reset();
  CHECK(subscriber.wait_for(far_away) == Wait::closed);
}
