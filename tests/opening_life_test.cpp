// SPDX-License-Identifier: BSL-1.0
//
// What becomes of a name: replaced, removed, left by an earlier boot of the machine, waited for.
// Subscribers keep the region that they mapped, and are told. Other users are in opening_linux_test.cpp.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <thread>

using namespace seqcast;
using namespace std::chrono_literals;
using test::publisher_refusal;
using test::TemporaryFolder;

namespace {

/// Publishes these texts, one message each, and closes.
void publish_all(const Location& location, std::initializer_list<std::string_view> texts,
                 const PublisherOptions& options = {}) {
  BytePublisher publisher{location, options};
  for (const std::string_view text : texts) publisher.publish(text);
}

/// As if the machine had been restarted since the file was written.
void reboot(const std::string& path) {
  test::patch_file<std::uint64_t>(path, 432, 0x1234);
}

} // namespace

TEST_CASE("replace puts a new region in the old one's place, which its subscribers drain before they reopen") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  publish_all(location, {"old 1", "old 2"}, {.max_message_size = 8});
  ByteSubscriber subscriber{location, {.start = Start::oldest}};
  CHECK(subscriber.state() == State::closed);
  CHECK_FALSE(subscriber.reopen()); // it is still the one behind the name

  BytePublisher publisher{location, {.max_message_size = 16, .replace = true}};
  CHECK(publisher.epoch().number == 1);
  CHECK(publisher.publish("a new message 1") == 1);
  CHECK(subscriber.state() == State::superseded);
  CHECK_FALSE(subscriber.publisher_alive());
  CHECK(subscriber.next()->text() == "old 1");
  CHECK(subscriber.next()->text() == "old 2");
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.max_message_size() == 8);

  CHECK(subscriber.reopen());
  CHECK(subscriber.state() == State::live);
  CHECK(subscriber.max_message_size() == 16);
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->text() == "a new message 1");
  CHECK(received->sequence == 1);
  CHECK(received->lost == 0);
  CHECK_FALSE(subscriber.reopen());
}

TEST_CASE("replace leaves a channel of the same identity as it is, and goes on") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1", "2"});
  const ByteSubscriber subscriber{folder.channel()};
  BytePublisher publisher{folder.channel(), {.replace = true}};
  CHECK(publisher.publish("3") == 3);
  CHECK(subscriber.state() == State::live);
}

TEST_CASE("replace and remove() fail while a publisher lives, and change nothing") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.max_message_size = 8}};
  ByteSubscriber subscriber{folder.channel()};
  const auto refusal =
      publisher_refusal<BytePublisher>(folder.channel(), {.max_message_size = 16, .replace = true});
  CHECK(refusal.code == Errc::publisher_alive);
  CHECK(refusal.says({"a live publisher", std::to_string(test::process_id()).c_str()}));
  std::error_code error;
  CHECK_FALSE(seqcast::remove(folder.channel(), error));
  CHECK(error == Errc::publisher_alive);
  CHECK_THROWS_AS(seqcast::remove(folder.channel()), std::system_error);
  publisher.publish("still");
  CHECK(subscriber.next()->text() == "still");
  CHECK(subscriber.state() == State::live);
}

TEST_CASE("a replacement may stay, but a subscriber of the old type refuses to move on to it") {
  const TemporaryFolder folder;
  { const Publisher<std::uint32_t> publisher{folder.channel()}; }
  Subscriber<std::uint32_t> subscriber{folder.channel()};
  const Publisher<double> publisher{folder.channel(), {.replace = true}};
  std::error_code error;
  CHECK_FALSE(subscriber.reopen(error));
  CHECK(error == Errc::wrong_identity);
  CHECK_THROWS_AS(subscriber.reopen(), std::system_error);
  CHECK(subscriber.state() == State::superseded); // and it stays where it was
}

TEST_CASE("remove() removes region and bell and says true, and false where there is nothing") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1", "2"});
  ByteSubscriber subscriber{folder.channel(), {.start = Start::oldest}};
  CHECK(seqcast::remove(folder.channel()));
  CHECK(folder.entries() == 0);
  CHECK_FALSE(seqcast::remove(folder.channel()));
  std::error_code error = Errc::corrupt;
  CHECK_FALSE(seqcast::remove(folder.channel(), error));
  CHECK_FALSE(error);

  CHECK(subscriber.state() == State::superseded);
  CHECK(subscriber.next()->text() == "1"); // what is mapped stays
  CHECK_FALSE(subscriber.reopen(error));
  CHECK(error == Errc::no_channel);
  CHECK(subscriber.next()->text() == "2");
}

TEST_CASE("remove() removes the bell of a region that was removed by hand") {
  const TemporaryFolder folder;
  const std::string path = folder.channel().name();
  publish_all(folder.channel(), {"1"});
  REQUIRE(std::filesystem::remove(path));
  REQUIRE(std::filesystem::exists(path + ".bell"));
  CHECK_FALSE(seqcast::remove(folder.channel()));
  CHECK_FALSE(std::filesystem::exists(path + ".bell"));
}

TEST_CASE("remove() works for shared memory as well") {
  const test::TemporaryObject name;
  std::optional<BytePublisher> publisher{name.channel()};
  publisher->publish("1");
  ByteSubscriber subscriber{name.channel(), {.start = Start::oldest}};
  publisher.reset();
  CHECK(seqcast::remove(name.channel()));
  CHECK_FALSE(seqcast::remove(name.channel()));
  CHECK(subscriber.state() == State::superseded);
  CHECK(subscriber.next()->text() == "1");
}

TEST_CASE("remove_on_close removes the channel in the destructor, but not one that took its name") {
  const TemporaryFolder folder;
  {
    const BytePublisher publisher{folder.channel(), {.remove_on_close = true}};
    CHECK(std::filesystem::exists(folder / "channel"));
  }
  CHECK(folder.entries() == 0);
  {
    const BytePublisher publisher{folder.channel(), {.remove_on_close = true}};
    std::filesystem::rename(folder / "channel", folder / "elsewhere");
    test::write_text(folder / "channel", "something else");
  }
  CHECK(test::read_file(folder / "channel").size() == 14);
}

TEST_CASE("moving the file away is noticed, and so is another file in its place") {
  const TemporaryFolder folder;
  const BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  CHECK(subscriber.state() == State::live);
  std::filesystem::rename(folder / "channel", folder / "elsewhere");
  CHECK(subscriber.state() == State::superseded);
  std::filesystem::rename(folder / "elsewhere", folder / "channel");
  CHECK(subscriber.state() == State::live);
  std::filesystem::rename(folder / "channel", folder / "elsewhere");
  test::write_text(folder / "channel", "another file");
  CHECK(subscriber.state() == State::superseded);
}

TEST_CASE(
    "after a reboot a subscriber sees no publisher and nothing, and a publisher goes on above every trace") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  publish_all(location, {"1", "2", "3"}, {.capacity = 4, .timestamps = true});
  test::patch_file<std::uint64_t>(location.name(), 256, 2); // head did not reach the disk
  reboot(location.name());

  ByteSubscriber early{location, {.start = Start::oldest}};
  CHECK(early.state() == State::no_publisher);
  CHECK_FALSE(early.next());
  CHECK_FALSE(early.latest());
  CHECK_FALSE(early.error());
  CHECK(early.lag() == 0);

  BytePublisher publisher{location};
  CHECK(publisher.head() == 3);
  CHECK(publisher.epoch().number == 2);
  CHECK(publisher.epoch().first_sequence == 4);
  ByteSubscriber late{location, {.start = Start::oldest}};
  CHECK_FALSE(late.next());
  CHECK(publisher.publish("4") == 4);
  for (ByteSubscriber* subscriber : {&early, &late}) {
    const auto received = subscriber->next();
    REQUIRE(received);
    CHECK(received->text() == "4");
    CHECK(received->sequence == 4);
    CHECK(received->lost == 0);
    CHECK(subscriber->state() == State::live);
  }
}

TEST_CASE("follow moves a drained subscriber on to the channel that has taken the name") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"old"}, {.max_message_size = 8});
  ByteSubscriber subscriber{folder.channel(), {.start = Start::oldest, .follow = true}};
  BytePublisher publisher{folder.channel(), {.max_message_size = 16, .replace = true}};
  publisher.publish("new");
  CHECK(subscriber.wait_for(test::patience) == Wait::message);
  CHECK(subscriber.next()->text() == "old");
  CHECK(subscriber.wait_for(test::patience) == Wait::superseded);
  CHECK(subscriber.wait_for(test::patience) == Wait::message);
  CHECK(subscriber.next()->text() == "new");
  CHECK(subscriber.state() == State::live);
}

TEST_CASE("open_timeout waits for a channel to appear, and no longer than it says") {
  const TemporaryFolder folder;
  std::error_code error;
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(ByteSubscriber::open(folder.channel(), {.open_timeout = 20ms}, error));
  CHECK(error == Errc::no_channel);
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);

  std::optional<BytePublisher> publisher;
  std::thread later{[&] { publisher.emplace(folder.channel()); }};
  const auto subscriber = ByteSubscriber::open(folder.channel(), {.open_timeout = 60s}, error);
  later.join();
  CHECK(subscriber.has_value());
  CHECK_FALSE(error);
}

TEST_CASE("open_timeout does not wait where something wrong is there") {
  const TemporaryFolder folder;
  test::write_text(folder / "channel", "something else");
  std::error_code error;
  CHECK_FALSE(ByteSubscriber::open(folder.channel(), {.open_timeout = std::chrono::hours{24}}, error));
  CHECK(error == Errc::not_a_channel);
}
