// SPDX-License-Identifier: BSL-1.0
//
// The life of a channel's name: replaced, removed, left by an earlier boot of the machine, waited
// for. Subscribers keep the region that they mapped, and get ChannelState::superseded. Other users
// are in opening_linux_test.cpp.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <thread>

using namespace seqcast;
using namespace std::chrono_literals;
using test::publish_all;
using test::publisher_refusal;
using test::reboot;
using test::TemporaryFolder;

namespace {} // namespace

TEST_CASE("replace makes a new region, and subscribers drain the old one before they reopen") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  publish_all(location, {"old 1", "old 2"}, {.max_message_size = 8});
  ByteSubscriber subscriber{location, {.start = StartPosition::oldest}};
  CHECK(subscriber.state() == ChannelState::closed);
  CHECK_FALSE(subscriber.reopen()); // it is still the one behind the name

  BytePublisher publisher{location, {.max_message_size = 16, .replace = true}};
  CHECK(publisher.epoch().number == 1);
  CHECK(publisher.publish("a new message 1") == 1);
  CHECK(subscriber.state() == ChannelState::superseded);
  CHECK_FALSE(subscriber.publisher_alive());
  CHECK(subscriber.next()->text() == "old 1");
  CHECK(subscriber.next()->text() == "old 2");
  CHECK_FALSE(subscriber.next());
  CHECK(subscriber.max_message_size() == 8);

  CHECK(subscriber.reopen());
  CHECK(subscriber.state() == ChannelState::live);
  CHECK(subscriber.max_message_size() == 16);
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->text() == "a new message 1");
  CHECK(received->sequence == 1);
  CHECK(received->lost == 0);
  CHECK_FALSE(subscriber.reopen());
}

TEST_CASE("replace keeps a channel of the same identity, and goes on") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1", "2"});
  const ByteSubscriber subscriber{folder.channel()};
  BytePublisher publisher{folder.channel(), {.replace = true}};
  CHECK(publisher.publish("3") == 3);
  CHECK(subscriber.state() == ChannelState::live);
}

TEST_CASE("replace and remove_channel() fail while a publisher is alive, and change nothing") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.max_message_size = 8}};
  ByteSubscriber subscriber{folder.channel()};
  const auto refusal =
      publisher_refusal<BytePublisher>(folder.channel(), {.max_message_size = 16, .replace = true});
  CHECK(refusal.code == Errc::publisher_alive);
  CHECK(refusal.says({"a live publisher", std::to_string(test::process_id()).c_str()}));
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(folder.channel(), error));
  CHECK(error == Errc::publisher_alive);
  CHECK_THROWS_AS(seqcast::remove_channel(folder.channel()), std::system_error);
  publisher.publish("still");
  CHECK(subscriber.next()->text() == "still");
  CHECK(subscriber.state() == ChannelState::live);
}

TEST_CASE("a subscriber refuses to move on to a replacement of another type") {
  const TemporaryFolder folder;
  { const Publisher<std::uint32_t> publisher{folder.channel()}; }
  Subscriber<std::uint32_t> subscriber{folder.channel()};
  const Publisher<double> publisher{folder.channel(), {.replace = true}};
  seqcast::Error error;
  CHECK_FALSE(subscriber.reopen(error));
  CHECK(error == Errc::wrong_identity);
  CHECK_THROWS_AS(subscriber.reopen(), std::system_error);
  CHECK(subscriber.state() == ChannelState::superseded); // and it stays where it was
}

TEST_CASE("remove_channel() removes region and bell and gives true, and gives false where there is nothing") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1", "2"});
  ByteSubscriber subscriber{folder.channel(), {.start = StartPosition::oldest}};
  CHECK(seqcast::remove_channel(folder.channel()));
  CHECK(folder.entries() == 0);
  CHECK_FALSE(seqcast::remove_channel(folder.channel()));
  seqcast::Error error{Errc::corrupt, "an older error"};
  CHECK_FALSE(seqcast::remove_channel(folder.channel(), error));
  CHECK_FALSE(error);

  CHECK(subscriber.state() == ChannelState::superseded);
  CHECK(subscriber.next()->text() == "1"); // what is mapped stays
  CHECK_FALSE(subscriber.reopen(error));
  CHECK(error == Errc::no_channel);
  CHECK(subscriber.next()->text() == "2");
}

TEST_CASE("remove_channel() removes the bell of a region that was removed by hand") {
  const TemporaryFolder folder;
  const std::string path = folder.channel().name();
  publish_all(folder.channel(), {"1"});
  REQUIRE(std::filesystem::remove(path));
  REQUIRE(std::filesystem::exists(path + ".bell"));
  CHECK_FALSE(seqcast::remove_channel(folder.channel()));
  CHECK_FALSE(std::filesystem::exists(path + ".bell"));
}

TEST_CASE("remove_channel() works for shared memory") {
  const test::TemporaryObject name;
  std::optional<BytePublisher> publisher{name.channel()};
  publisher->publish("1");
  ByteSubscriber subscriber{name.channel(), {.start = StartPosition::oldest}};
  publisher.reset();
  CHECK(seqcast::remove_channel(name.channel()));
  CHECK_FALSE(seqcast::remove_channel(name.channel()));
  CHECK(subscriber.state() == ChannelState::superseded);
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

TEST_CASE("replacing touches no file beside the channel, whatever its name") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"old"}, {.capacity = 2});
  test::write_text(folder / "channel.new", "my notes");
  test::write_text(folder / "channel.seqcast-new", "more notes");
  BytePublisher neighbour{folder.channel("channel.bell.new")};
  { const BytePublisher replacing{folder.channel(), {.capacity = 4, .replace = true}}; }
  CHECK(test::read_file(folder / "channel.new").size() == 8);
  CHECK(test::read_file(folder / "channel.seqcast-new").size() == 10);
  CHECK(neighbour.state() == ChannelState::live);
  CHECK(folder.entries() == 4);
}

TEST_CASE("what is open goes on when the folder is renamed: state, bell, successor and removal") {
  const TemporaryFolder folder;
  const std::string before = folder / "before", after = folder / "after";
  std::filesystem::create_directory(before);
  std::optional<BytePublisher> publisher{std::in_place, file(before + "/channel"),
                                         PublisherOptions{.remove_on_close = true}};
  ByteSubscriber subscriber{file(before + "/channel")};
  std::filesystem::rename(before, after);
  CHECK(publisher->state() == ChannelState::live);
  CHECK(subscriber.state() == ChannelState::live);
  CHECK(subscriber.wakeup() == Wakeup::bell);
  publisher.reset();
  CHECK(std::filesystem::is_empty(after));
  CHECK(subscriber.state() == ChannelState::closed);
  const BytePublisher successor{file(after + "/channel")};
  CHECK(subscriber.reopen());
}

TEST_CASE("a folder that is removed and made again is found by its path") {
  const TemporaryFolder folder;
  const std::string inner = folder / "inner";
  std::filesystem::create_directory(inner);
  std::optional<BytePublisher> publisher{std::in_place, file(inner + "/channel")};
  ByteSubscriber subscriber{file(inner + "/channel")};
  publisher.reset();
  std::filesystem::remove_all(inner);
  CHECK(subscriber.state() == ChannelState::closed);
  std::filesystem::create_directory(inner);
  BytePublisher again{file(inner + "/channel")};
  CHECK(subscriber.state() == ChannelState::superseded);
  CHECK(subscriber.reopen());
  again.publish("1");
  CHECK(subscriber.next()->text() == "1");
}

TEST_CASE("a publisher that removes its channel closes it, for those who have it open") {
  const TemporaryFolder folder;
  std::optional<BytePublisher> publisher{std::in_place, folder.channel(),
                                         PublisherOptions{.remove_on_close = true}};
  ByteSubscriber subscriber{folder.channel()};
  publisher->publish("last");
  publisher.reset();
  CHECK(subscriber.wait_for(0s) == WaitResult::message);
  CHECK(subscriber.next()->text() == "last");
  CHECK(subscriber.wait_for(0s) == WaitResult::closed);
  CHECK(subscriber.wait_for(0s) == WaitResult::timeout);
}

TEST_CASE("a publisher finds out that its name is gone, or leads to another region") {
  const TemporaryFolder folder;
  const BytePublisher publisher{folder.channel()};
  CHECK(publisher.state() == ChannelState::live);
  std::filesystem::rename(folder / "channel", folder / "elsewhere");
  CHECK(publisher.state() == ChannelState::superseded);
  { const BytePublisher other{folder.channel()}; }
  CHECK(publisher.state() == ChannelState::superseded);
  std::filesystem::rename(folder / "elsewhere", folder / "channel");
  CHECK(publisher.state() == ChannelState::live);
}

TEST_CASE("a subscriber notices that the file was renamed, or another file took its name") {
  const TemporaryFolder folder;
  const BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  CHECK(subscriber.state() == ChannelState::live);
  std::filesystem::rename(folder / "channel", folder / "elsewhere");
  CHECK(subscriber.state() == ChannelState::superseded);
  std::filesystem::rename(folder / "elsewhere", folder / "channel");
  CHECK(subscriber.state() == ChannelState::live);
  std::filesystem::rename(folder / "channel", folder / "elsewhere");
  test::write_text(folder / "channel", "another file");
  CHECK(subscriber.state() == ChannelState::superseded);
}

TEST_CASE(
    "after a reboot a subscriber sees no publisher and nothing, and a publisher goes on above every trace") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  const Location location = folder.channel();
  publish_all(location, {"1", "2", "3"}, {.capacity = 4, .timestamps = true});
  test::patch_file<std::uint64_t>(location.name(), 256, 2); // head did not reach the disk
  reboot(location.name());

  ByteSubscriber early{location, {.start = StartPosition::oldest}};
  CHECK(early.state() == ChannelState::no_publisher);
  CHECK_FALSE(early.next());
  CHECK_FALSE(early.latest());
  CHECK_FALSE(early.error());
  CHECK(early.lag() == 0);

  BytePublisher publisher{location};
  CHECK(publisher.head() == 7); // a lap further
  CHECK(publisher.epoch().number == 2);
  CHECK(publisher.epoch().first_sequence == 8);
  ByteSubscriber late{location, {.start = StartPosition::oldest}};
  CHECK_FALSE(late.next());
  CHECK(publisher.publish("8") == 8);
  for (ByteSubscriber* subscriber : {&early, &late}) {
    const auto received = subscriber->next();
    REQUIRE(received);
    CHECK(received->text() == "8");
    CHECK(received->sequence == 8);
    CHECK(received->lost == (subscriber == &early ? 4 : 0));
    CHECK(subscriber->state() == ChannelState::live);
  }
}

TEST_CASE("a container with a boot id of its own is on the same machine, and nothing is lost between the two") {
  for (const std::string& place : {test::default_place(), test::disk_place()}) {
    if (place.empty()) continue;
    const TemporaryFolder folder{place};
    const Location location = folder.channel();
    publish_all(location, {"1", "2", "3"}, {.capacity = 8});
    test::restart_container(location.name());
    ByteSubscriber subscriber{location, {.start = StartPosition::oldest}};
    CHECK(subscriber.state() == ChannelState::closed);
    CHECK(subscriber.next()->text() == "1");
    BytePublisher publisher{location};
    CHECK(publisher.publish("4") == 4);
    for (const char* text : {"2", "3", "4"}) CHECK(subscriber.next()->text() == text);
  }
}

TEST_CASE("where the boot id cannot be read its time tells one boot from another") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  const Location location = folder.channel();
  publish_all(location, {"1"});
  for (const std::size_t half : {0U, 8U}) {
    test::patch_file<std::uint64_t>(location.name(), detail::boot_offset + half, 0);
  }
  CHECK(ByteSubscriber{location, {.start = StartPosition::oldest}}.next());
  test::patch_file<std::uint64_t>(location.name(), detail::boot_time_offset, 0x1234);
  CHECK_FALSE(ByteSubscriber{location, {.start = StartPosition::oldest}}.next());
}

TEST_CASE("in shared memory nothing is of an earlier boot, whatever its header says") {
  const test::TemporaryObject object;
  publish_all(object.channel(), {"1"});
  reboot(object.path());
  CHECK(ByteSubscriber{object.channel(), {.start = StartPosition::oldest}}.next());
  CHECK(BytePublisher{object.channel()}.publish("2") == 2);
}

TEST_CASE("subscribers that are attached when messages are discarded count them as lost, and read on") {
  if (test::no_disk()) return;
  for (const int behind : {0, 1, 6, 7, 20}) {
    CAPTURE(behind);
    const TemporaryFolder folder{test::disk_place()};
    const Location location = folder.channel();
    std::optional<BytePublisher> publisher{std::in_place, location, PublisherOptions{.capacity = 8}};
    for (int i = 0; i < 20; ++i) publisher->publish("old");
    ByteSubscriber next{location};
    ByteSubscriber latest{location};
    ByteSubscriber view{location};
    for (int i = 0; i < behind; ++i) publisher->publish("old");
    publisher.reset();
    reboot(location.name());
    publisher.emplace(location);
    for (ByteSubscriber* subscriber : {&next, &latest, &view}) {
      CHECK_FALSE((subscriber == &latest ? subscriber->latest() : subscriber->next()));
      CHECK_FALSE(subscriber->error());
      CHECK(subscriber->lag() == 0);
      CHECK(subscriber->epoch()->first_sequence == publisher->head() + 1);
      CHECK(subscriber->wait_for(0s) == WaitResult::timeout); // not again and again that there is something
    }
    const std::uint64_t sequence = publisher->publish("new");
    CHECK(latest.latest()->text() == "new");
    const auto received = next.next();
    REQUIRE(received);
    CHECK(received->text() == "new");
    CHECK(received->lost == sequence - 1 - 20);
    CHECK(view.view()->sequence == sequence);
    CHECK_FALSE(next.next());
  }
}

TEST_CASE("follow moves a drained subscriber on to the channel that has taken the name") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"old"}, {.max_message_size = 8});
  ByteSubscriber subscriber{folder.channel(), {.start = StartPosition::oldest, .follow = true}};
  BytePublisher publisher{folder.channel(), {.max_message_size = 16, .replace = true}};
  publisher.publish("new");
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::message);
  CHECK(subscriber.next()->text() == "old");
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::superseded);
  CHECK(subscriber.wait_for(test::watchdog_timeout) == WaitResult::message);
  CHECK(subscriber.next()->text() == "new");
  CHECK(subscriber.state() == ChannelState::live);
}

TEST_CASE("open_timeout waits for a channel to appear, and no longer than it says") {
  const TemporaryFolder folder;
  seqcast::Error error;
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

TEST_CASE("an error speaks of open_timeout as it was: not set, or over") {
  const TemporaryFolder folder;
  CHECK(test::subscriber_refusal<ByteSubscriber>(folder.channel()).says({"set open_timeout to wait"}));
  const auto late = test::subscriber_refusal<ByteSubscriber>(folder.channel(), {.open_timeout = 1ms});
  CHECK(late.code == Errc::no_channel);
  CHECK(late.says({"start a publisher", "none came within open_timeout"}));
  CHECK_FALSE(late.says({"set open_timeout"}));
  const auto nowhere = publisher_refusal<BytePublisher>(file(folder / "none/channel"));
  CHECK(nowhere.code == std::errc::no_such_file_or_directory);
  CHECK(nowhere.says({"its folder does not exist"}));
}

TEST_CASE("open_timeout does not wait where something wrong is there") {
  const TemporaryFolder folder;
  test::write_text(folder / "channel", "something else");
  seqcast::Error error;
  CHECK_FALSE(ByteSubscriber::open(folder.channel(), {.open_timeout = std::chrono::hours{24}}, error));
  CHECK(error == Errc::not_a_channel);
}
