// SPDX-License-Identifier: BSL-1.0
//
// An Inspector and a publisher in processes of their own: the publisher does not notice the inspector, and may
// crash at any time. And users without the right to read a channel.
#include "support/file_bytes.hpp"
#include "support/sandbox.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

using namespace test;

namespace {

void look_at_everything(const seqcast::Inspector& inspector) {
  std::vector<std::byte> buffer(inspector.identity().max_message_size);
  (void)inspector.status();
  (void)inspector.head();
  for (std::uint64_t i = 0; i < inspector.identity().capacity; ++i) (void)inspector.slot(i, buffer);
}

/// How this process has the files mapped whose paths begin with `path`: "r--s file", one each.
std::set<std::string> mapped(const std::string& path) {
  std::set<std::string> found;
  std::ifstream maps{"/proc/self/maps"};
  for (std::string line; std::getline(maps, line);) {
    const auto name = line.find(path);
    if (name == std::string::npos) continue;
    const auto rights = line.find(' ') + 1;
    found.insert(line.substr(rights, 4) + " " + line.substr(name));
  }
  return found;
}

/// What this process has open of the files whose paths begin with `path`.
std::set<std::string> opened(const std::string& path) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.starts_with(path)) found.insert(target);
  }
  return found;
}

} // namespace

TEST_CASE("an inspector maps the region for reading, opens no bell, and changes no byte") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  Child child{[&](Line& line) {
    seqcast::BytePublisher publisher{place, {.capacity = 8, .timestamps = true}};
    for (int i = 0; i < 20; ++i) publisher.publish("message");
    line.send(true);
    line.expect<bool>();
  }};
  child.line().expect<bool>();
  const Bytes region = read_file(place.name());
  const Bytes bell = read_file(place.name() + ".bell");
  const seqcast::Inspector inspector{place};
  look_at_everything(inspector);
  CHECK(seqcast::channels_in_folder(folder.path()).size() == 1);
  CHECK(mapped(place.name()) == std::set<std::string>{"r--s " + place.name()});
  CHECK(opened(place.name()) == std::set<std::string>{place.name()});
  CHECK(read_file(place.name()) == region);
  CHECK(read_file(place.name() + ".bell") == bell);
  child.line().send(true);
  CHECK(child.wait() == ended_well);
}

TEST_CASE("publishers open and close a channel that is inspected all the time") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  { const seqcast::BytePublisher first{place, {.capacity = 4}}; }
  const seqcast::Inspector stays{place};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> looks{0};
  std::thread observer{[&] {
    while (!done) {
      look_at_everything(seqcast::Inspector{place});
      (void)seqcast::channels_in_folder(folder.path());
      ++looks;
    }
  }};
  std::uint64_t refused = 0;
  for (std::uint64_t epoch = 2; epoch < 500 || looks < 500; ++epoch) {
    look_at_everything(stays);
    seqcast::Error error;
    auto publisher = seqcast::BytePublisher::open(place, {}, error);
    if (publisher) {
      publisher->publish("message");
    } else {
      ++refused;
    }
  }
  done = true;
  observer.join();
  CHECK(refused == 0);
}

TEST_CASE("a killed publisher is reported as dead, and its messages are still there") {
  const TemporaryFolder folder;
  const auto place = folder.channel();
  Child child{[&](Line& line) {
    seqcast::BytePublisher publisher{place, {.capacity = 8}};
    publisher.publish("message");
    line.send(true);
    line.expect<bool>();
  }};
  child.line().expect<bool>();
  const seqcast::Inspector inspector{place};
  CHECK(inspector.status().state == seqcast::ChannelState::live);
  CHECK(inspector.status().publisher_process == static_cast<std::uint64_t>(child.id()));
  CHECK(child.kill() == ended_killed);
  wait_until("the kernel to free the lock", [&] { return !inspector.status().publisher_alive; });
  const seqcast::ChannelStatus status = inspector.status();
  CHECK(status.state == seqcast::ChannelState::no_publisher);
  CHECK(status.head == 1);
  CHECK(inspector.slot(0).whole);
}

TEST_CASE("a message that is overwritten during its copy is never reported as whole") {
  constexpr std::uint32_t size = 4096;
  const TemporaryFolder folder;
  const auto place = folder.channel();
  Child child{[&](Line& line) {
    seqcast::BytePublisher publisher{place, {.capacity = 2, .max_message_size = size}};
    std::vector<std::byte> message(size);
    line.send(true);
    for (;;) {
      const auto next = static_cast<std::byte>(publisher.head() + 1);
      std::fill(message.begin(), message.end(), next);
      publisher.publish(message);
    }
  }};
  child.line().expect<bool>();
  const seqcast::Inspector inspector{place};
  std::vector<std::byte> buffer(size);
  std::uint64_t whole = 0;
  std::uint64_t torn = 0;
  std::uint64_t overtaken = 0;
  const Watchdog watchdog{"slots to be found whole, and to be overwritten"};
  while (whole < 2000 || overtaken < 20) {
    watchdog.check();
    const seqcast::SlotContent slot = inspector.slot(whole % 2, buffer);
    overtaken += slot.stable ? 0 : 1;
    if (!slot.whole) continue;
    ++whole;
    const auto expected = static_cast<std::byte>(slot.sequence);
    torn +=
        std::all_of(slot.bytes.begin(), slot.bytes.end(), [&](std::byte b) { return b == expected; }) ? 0 : 1;
  }
  CHECK(torn == 0);
  MESSAGE(whole << " whole, " << overtaken << " overwritten during the copy");
}

TEST_CASE("a channel that this user may not read is not listed, and cannot be opened by name") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can become another user");
    return;
  }
  const TemporaryFolder folder;
  folder.open_to_all();
  const seqcast::BytePublisher shut{folder.channel("shut")};
  const seqcast::BytePublisher open{folder.channel("open"), {.mode = 0644}};
  Child stranger{[&](Line& line) {
    if (!become_nobody()) throw std::runtime_error{"root cannot become nobody"};
    const auto found = seqcast::channels_in_folder(folder.path());
    line.send(found == std::vector{folder.channel("open")});
    seqcast::Error error;
    line.send(!seqcast::Inspector::open(folder.channel("shut"), {}, error) &&
              error == std::errc::permission_denied);
    const seqcast::ChannelStatus status = seqcast::Inspector{folder.channel("open")}.status();
    line.send(status.publisher_alive && status.bell_found);
  }};
  for (int i = 0; i < 3; ++i) CHECK(stranger.line().expect<bool>());
  CHECK(stranger.wait() == ended_well);
}
