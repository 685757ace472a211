// SPDX-License-Identifier: BSL-1.0
//
// What is different on Windows: names, objects that live for as long as a process has them open, files that
// cannot be deleted or truncated while they are mapped, and handles.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/waiting.hpp"

using namespace seqcast;
using namespace test;

namespace {

DWORD handles() {
  DWORD count = 0;
  ::GetProcessHandleCount(::GetCurrentProcess(), &count);
  return count;
}

std::size_t leftovers(const TemporaryFolder& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()}) {
    if (entry.path().filename().string().find(".seqcast-gone-") != std::string::npos) ++count;
  }
  return count;
}

/// Opens, uses and leaves channels in every way.
void use(const Location& place) {
  std::optional<NumberPublisher> publisher{std::in_place, place,
                                           PublisherOptions{.wakeup = seqcast::Wakeup::every_message}};
  NumberSubscriber subscriber{place, {.strategy = WaitStrategy::sleep}};
  PollDescriptor poll;
  poll.arm(subscriber);
  publisher->publish(1);
  CHECK(readable(poll.native_handle(), Watchdog{"a readable handle"}));
  CHECK(subscriber.wait_for(long_timeout) == WaitResult::message);
  CHECK(drain(subscriber) == 1);
  CHECK(subscriber.wait_for(1ms) == WaitResult::timeout);
  CHECK(publisher_refusal<NumberPublisher>(place).code == Errc::publisher_alive);
  publisher.reset();
  publisher.emplace(place, PublisherOptions{.wakeup = seqcast::Wakeup::bell, .replace = true});
  CHECK(subscriber.state() == ChannelState::superseded);
  CHECK(subscriber.reopen());
  publisher.reset();
  CHECK(seqcast::remove_channel(place));
}

} // namespace

TEST_CASE("names are UTF-8, whatever the code page") {
  const TemporaryFolder folder;
  const std::string name =
      "Gr\xC3\xBC\xC3\x9F"
      "e \xE6\x97\xA5\xE6\x9C\xAC";
  NumberPublisher publisher{folder.channel(name)};
  NumberSubscriber subscriber{folder.channel(name)};
  publisher.publish(7);
  CHECK(subscriber.next()->message == 7);
  CHECK(std::filesystem::exists(std::filesystem::path{folder.path()} / L"Gr\u00FC\u00DFe \u65E5\u672C"));
  NumberPublisher object{shared_memory(name)};
  NumberSubscriber reader{shared_memory(name)};
  object.publish(8);
  CHECK(reader.next()->message == 8);
}

TEST_CASE("names that Windows cannot have are refused") {
  for (const Location& location :
       {file("not \xC3 UTF-8"), shared_memory("not \xC3 UTF-8"), shared_memory("a\\b")}) {
    CAPTURE(std::string{to_string(location)});
    CHECK(publisher_refusal<NumberPublisher>(location).code == Errc::invalid_location);
    CHECK(subscriber_refusal<NumberSubscriber>(location).code == Errc::invalid_location);
  }
}

TEST_CASE("a path may be longer than 260 characters") {
  const TemporaryFolder folder;
  const std::string deep = folder / std::string(120, 'a');
  ::CreateDirectoryA(deep.c_str(), nullptr);
  const Location place = file(deep + "/" + std::string(180, 'b'));
  NumberPublisher publisher{place};
  NumberSubscriber subscriber{place};
  publisher.publish(7);
  CHECK(subscriber.next()->message == 7);
  CHECK(subscriber.wakeup() == Wakeup::bell);
}

TEST_CASE("a shared-memory object lives for as long as a process has it open, and no longer") {
  const TemporaryObject object;
  {
    std::optional<NumberPublisher> publisher{object.channel()};
    publisher->publish(1);
    std::optional<NumberSubscriber> subscriber{std::in_place, object.channel(),
                                               SubscriberOptions{.start = StartPosition::oldest}};
    publisher.reset();
    CHECK(subscriber->state() == ChannelState::closed);
    publisher.emplace(object.channel());
    CHECK(publisher->epoch().number == 2);
    CHECK(publisher->publish(2) == 2);
    CHECK(drain(*subscriber) == 2);
  }
  CHECK(subscriber_refusal<NumberSubscriber>(object.channel()).code == Errc::no_channel);
  NumberPublisher publisher{object.channel()};
  CHECK(publisher.epoch().number == 1);
}

TEST_CASE("a replaced object ends with its last subscriber, and frees the name for the one that took it") {
  const TemporaryObject object;
  std::optional<BytePublisher> publisher{std::in_place, object.channel(),
                                         PublisherOptions{.max_message_size = 8}};
  ByteSubscriber old{object.channel(), {.start = StartPosition::oldest}};
  publisher->publish("old");
  publisher.reset();
  publisher.emplace(object.channel(), PublisherOptions{.max_message_size = 16, .replace = true});
  publisher->publish("new");
  CHECK(old.state() == ChannelState::superseded);
  CHECK(old.next()->text() == "old");
  CHECK(ByteSubscriber{object.channel(), {.start = StartPosition::oldest}}.next()->text() == "new");
  publisher.reset();
  // The new region is gone; the page that names it exists for the old region.
  CHECK(subscriber_refusal<ByteSubscriber>(object.channel()).code == Errc::no_channel);
  BytePublisher next{object.channel()};
  CHECK(next.publish("next") == 1);
  CHECK(old.reopen());
  CHECK(old.max_message_size() == 1024);
}

TEST_CASE("a file that lost its name while it was mapped is deleted by the next opening of the channel") {
  const TemporaryFolder folder;
  const Location place = folder.channel();
  {
    { const BytePublisher publisher{place, {.max_message_size = 8}}; }
    const ByteSubscriber subscriber{place};
    const BytePublisher publisher{place, {.max_message_size = 16, .replace = true}};
    CHECK(subscriber.state() == ChannelState::superseded);
    write_text(folder / "channel.seqcast-gone-0123456789abcdef", "left by somebody");
    write_text(folder / "channel.bell.seqcast-gone-0123456789abcdef", "left by somebody");
    CHECK(leftovers(folder) >= 2);
  }
  { const BytePublisher publisher{place}; }
  CHECK(leftovers(folder) == 0);
  CHECK(seqcast::remove_channel(place));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a channel that is removed on closing leaves nothing") {
  const TemporaryFolder folder;
  { const NumberPublisher publisher{folder.channel(), {.remove_on_close = true}}; }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("the system refuses to truncate a file that is mapped") {
  const TemporaryFolder folder;
  NumberPublisher publisher{folder.channel()};
  NumberSubscriber subscriber{folder.channel(), {.survive_truncation = true}};
  std::error_code error;
  std::filesystem::resize_file(folder / "channel", 0, error);
  CHECK(error);
  publisher.publish(1);
  CHECK(drain(subscriber) == 1);
}

TEST_CASE("a region of 16 MiB can be kept in memory, by both sides") {
  const TemporaryFolder folder;
  BytePublisher publisher{folder.channel(), {.capacity = 16, .max_message_size = 1 << 20, .lock_memory = true}};
  ByteSubscriber subscriber{folder.channel(), {.lock_memory = true}};
  publisher.publish("kept");
  CHECK(subscriber.next()->text() == "kept");
}

TEST_CASE("a lock that is no publisher's is distinguished from a publisher") {
  const TemporaryFolder folder;
  { const NumberPublisher publisher{folder.channel()}; }
  const NumberSubscriber subscriber{folder.channel()};
  const OwnedHandle file{::CreateFileA((folder / "channel").c_str(), GENERIC_READ,
                                       FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                       OPEN_EXISTING, 0, nullptr)};
  OVERLAPPED everything{};
  REQUIRE(::LockFileEx(file.id(), 0, 0, MAXDWORD, MAXDWORD, &everything) != 0);
  CHECK_FALSE(subscriber.publisher_alive());
  const auto refusal = publisher_refusal<NumberPublisher>(folder.channel());
  CHECK(refusal.code == Errc::lock_obstructed);
}

TEST_CASE("no handle is left open after any use of a channel") {
  const TemporaryFolder folder;
  const TemporaryObject object;
  use(folder.channel());
  use(object.channel());
  const DWORD before = handles();
  for (int i = 0; i < 20; ++i) {
    use(folder.channel());
    use(object.channel());
  }
  CHECK(handles() <= before + 2); // the runtime's own, perhaps
}
