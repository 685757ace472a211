// SPDX-License-Identifier: BSL-1.0
//
// remove_channel() with even_if_alive: the name is taken from a live publisher, and never from a file that is
// no channel.
#include <doctest/doctest.h>
#include "support/temporary.hpp"

#include <seqcast/seqcast.hpp>

#include <fstream>
#include <optional>

#include <fcntl.h>

using namespace seqcast;
using test::TemporaryFolder;

TEST_CASE("even_if_alive takes the name from a live publisher, and its subscribers get superseded") {
  const TemporaryFolder folder;
  auto first = std::make_optional<BytePublisher>(folder.channel());
  ByteSubscriber subscriber{folder.channel()};
  CHECK(seqcast::remove_channel(folder.channel(), {.even_if_alive = true}));
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK(subscriber.state() == ChannelState::superseded);

  // Both go on with what they have mapped, beside a channel that begins afresh.
  BytePublisher second{folder.channel()};
  CHECK(first->publish("old") == 1);
  CHECK(second.publish("new") == 1);
  CHECK(subscriber.next()->text() == "old");
  first.reset(); // and takes nothing of the second one's with it
  CHECK(subscriber.reopen());
  CHECK(subscriber.next()->text() == "new");
  CHECK(subscriber.state() == ChannelState::live);
}

TEST_CASE("even_if_alive removes a channel whose lock is obstructed") {
  const TemporaryFolder folder;
  { const BytePublisher publisher{folder.channel()}; }
  const test::Descriptor obstacle{::open(folder.channel().name().c_str(), O_RDONLY | O_CLOEXEC)};
  struct flock lock {};
  lock.l_type = F_RDLCK;
  REQUIRE(::fcntl(obstacle.id(), F_OFD_SETLK, &lock) == 0);
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(folder.channel(), error));
  CHECK(error == Errc::lock_obstructed);
  CHECK(seqcast::remove_channel(folder.channel(), {.even_if_alive = true}, error));
  CHECK_FALSE(error);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("even_if_alive does not change a file that is no channel, locked or not") {
  const TemporaryFolder folder;
  for (const std::string& content : {std::string{}, std::string{"precious"}, std::string(5000, 'x')}) {
    const std::string path = folder / "channel";
    std::ofstream{path} << content;
    const test::Descriptor holder{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    for (const short type : {static_cast<short>(F_UNLCK), static_cast<short>(F_WRLCK)}) {
      struct flock lock {};
      lock.l_type = type;
      REQUIRE(::fcntl(holder.id(), F_OFD_SETLK, &lock) == 0);
      seqcast::Error error;
      CHECK_FALSE(seqcast::remove_channel(folder.channel(), {.even_if_alive = true}, error));
      CHECK(error == Errc::not_a_channel);
      CHECK(std::filesystem::exists(path));
    }
  }
}

TEST_CASE("even_if_alive gives false where there is nothing") {
  const TemporaryFolder folder;
  CHECK_FALSE(seqcast::remove_channel(folder.channel(), {.even_if_alive = true}));
}
