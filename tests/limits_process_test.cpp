// SPDX-License-Identifier: BSL-1.0
//
// Limits of the system: full file systems, file systems without unnamed files or links, no descriptors left.
// Each time the error is clear and nothing is left behind.
//
// Cases that need rights which this user does not have are skipped, with a message. The case without
// descriptors is skipped under sanitizers, which need descriptors themselves.
#include "support/sandbox.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <sys/statvfs.h>

using namespace test;
using Numbers = seqcast::Publisher<std::uint64_t>;
using NumberSubscriber = seqcast::Subscriber<std::uint64_t>;

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool under_sanitizer = true;
#elif defined(__has_feature)
constexpr bool under_sanitizer = __has_feature(address_sanitizer);
#else
constexpr bool under_sanitizer = false;
#endif

/// A check in a child, where doctest does not run: a failure ends the child with a message.
void expect(bool holds, const char* what) {
  if (!holds) throw std::runtime_error{what};
}

/// Runs `function(Line&)` in a child; it gives false if it may not do here what it has to.
template <class Function>
void in_sandbox(const Function& function) {
  Child child{[&](Line& line) { line.send(static_cast<bool>(function())); }};
  const auto allowed = child.line().receive<bool>();
  CHECK(child.wait() == ended_well);
  if (allowed && !*allowed) MESSAGE("skipped: not allowed here, or not by this user");
}

std::uint64_t free_blocks(const std::string& folder) {
  struct statvfs facts {};
  if (::statvfs(folder.c_str(), &facts) != 0) raise_errno("statvfs");
  return facts.f_bfree;
}

/// The life of a channel: made, refused to others, taken over, replaced, removed.
void live_a_life(const TemporaryFolder& folder) {
  const seqcast::Location place = seqcast::file(folder / "channel");
  seqcast::Error error;
  auto publisher =
      std::make_optional<Numbers>(place, seqcast::PublisherOptions{.capacity = 8, .mode = 0444 | 0600});
  NumberSubscriber subscriber{place};
  expect(folder.entries() == 1, "one file is made, and no other");
  expect(publisher->publish(7) == 1, "the first message is 1");
  expect(subscriber.next()->message == 7, "the message arrives");
  expect(!Numbers::open(place, {.replace = true}, error) && error == seqcast::Errc::publisher_alive, "refused");
  publisher.reset();
  expect(subscriber.state() == seqcast::ChannelState::closed, "closed");
  publisher.emplace(place);
  expect(publisher->head() == 1 && publisher->epoch().number == 2, "taken over");
  publisher.reset();
  publisher.emplace(place, seqcast::PublisherOptions{.capacity = 16, .replace = true});
  expect(publisher->head() == 0 && publisher->capacity() == 16, "replaced");
  expect(subscriber.state() == seqcast::ChannelState::superseded, "the old one's subscriber is told");
  expect(folder.entries() == 1, "nothing is left beside the channel");
  publisher.reset();
  expect(seqcast::remove_channel(place) && folder.entries() == 0, "removed");
}

} // namespace

TEST_CASE("a full file system is a clear error at opening, and nothing is left behind") {
  const TemporaryFolder folder;
  in_sandbox([&] {
    if (!own_mounts() || !mount_tmpfs(folder.path(), "256k")) return false;
    const std::uint64_t before = free_blocks(folder.path());
    try {
      const Numbers publisher{seqcast::file(folder / "channel"), {.capacity = 65536}};
      expect(false, "a region larger than its file system was made");
    } catch (const std::system_error& failure) {
      expect(failure.code() == std::errc::no_space_on_device, "the error is 'no space'");
      const std::string text = failure.what();
      expect(text.find(folder / "channel") != std::string::npos, "the error says where");
      expect(text.find("4194816 bytes") != std::string::npos, "the error says how much was wanted");
    }
    expect(folder.entries() == 0, "nothing is left in the folder");
    expect(free_blocks(folder.path()) == before, "no space is left occupied");
    live_a_life(folder); // with what fits all is well
    return true;
  });
}

TEST_CASE("on a full file system a replacement fails, and the old channel is unchanged") {
  const TemporaryFolder folder;
  in_sandbox([&] {
    if (!own_mounts() || !mount_tmpfs(folder.path(), "256k")) return false;
    const seqcast::Location place = seqcast::file(folder / "channel");
    { Numbers{place, {.capacity = 64}}.publish(7); }
    seqcast::Error error;
    expect(!Numbers::open(place, {.capacity = 65536, .replace = true}, error), "no room for it");
    expect(error == std::errc::no_space_on_device, "the error is 'no space'");
    expect(folder.entries() == 1, "nothing is left beside the channel");
    const Numbers successor{place};
    expect(successor.head() == 1 && successor.capacity() == 64, "the old channel goes on");
    return true;
  });
}

TEST_CASE("a channel works on overlayfs, as in a container") {
  const TemporaryFolder folder;
  in_sandbox([&] {
    if (!own_mounts() || !mount_tmpfs(folder.path(), "4m")) return false;
    for (const char* name : {"lower", "upper", "work"}) std::filesystem::create_directory(folder / name);
    const std::string layers =
        "lowerdir=" + folder / "lower" + ",upperdir=" + folder / "upper" + ",workdir=" + folder / "work";
    const TemporaryFolder merged;
    const bool mounted = ::mount("overlay", merged.path().c_str(), "overlay", 0, layers.c_str()) == 0;
    if (mounted) {
      live_a_life(merged);
      ::umount(merged.path().c_str());
    }
    return mounted;
  });
}

TEST_CASE("a channel works on a file system without unnamed files, with links and without") {
  for (const Links links : {Links::allowed, Links::refused}) {
    const TemporaryFolder folder;
    in_sandbox([&] {
      if (!forbid_unnamed_files(links)) return false;
      const bool refused = ::open(folder.path().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600) < 0;
      expect(refused && errno == EOPNOTSUPP, "the sandbox forbids unnamed files");
      for (int i = 0; i < 3; ++i) live_a_life(folder);
      return true;
    });
  }
}

TEST_CASE("of several publishers that create a channel at once one succeeds, on file systems of every kind") {
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    for (int round = 0; round < 20; ++round) {
      const TemporaryFolder folder;
      std::vector<Child> children;
      for (int i = 0; i < 4; ++i) {
        children.emplace_back([&](Line& line) {
          if (kind > 0 && !forbid_unnamed_files(kind == 1 ? Links::allowed : Links::refused)) return;
          line.send(true);
          line.expect<bool>(); // go
          seqcast::Error error;
          const auto publisher = Numbers::open(seqcast::file(folder / "channel"), {.capacity = 8}, error);
          expect(publisher || error == seqcast::Errc::publisher_alive,
                 "opened, or refused for the right reason");
          line.send(publisher.has_value());
          line.receive<bool>(); // all have tried
        });
      }
      bool allowed = true;
      for (Child& child : children) allowed = child.line().receive<bool>().has_value() && allowed;
      if (!allowed) {
        MESSAGE("skipped: seccomp is not allowed here");
        break;
      }
      for (Child& child : children) child.line().send(true);
      int opened = 0;
      for (Child& child : children) opened += child.line().expect<bool>() ? 1 : 0;
      CHECK(opened == 1);
      for (Child& child : children) child.line().send(true);
      for (Child& child : children) CHECK(child.wait() == ended_well);
      CHECK(folder.entries() == 1);
    }
  }
}

TEST_CASE("without descriptors opening is a clear error, and no message is lost by it") {
  if (under_sanitizer) {
    MESSAGE("skipped: a sanitizer needs descriptors itself");
    return;
  }
  const TemporaryFolder folder;
  in_sandbox([&] {
    const seqcast::Location place = seqcast::file(folder / "channel");
    struct rlimit before {};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const auto lowest = static_cast<rlim_t>(Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}.id());
    int refused = 0;
    for (rlim_t more = 0; more < 8; ++more) {
      const auto limited = [&](const auto& open) {
        seqcast::Error error;
        limit_descriptors(lowest + more);
        auto opened = open(error);
        limit_descriptors(before.rlim_cur);
        if (!opened && error != std::errc::too_many_files_open)
          throw std::system_error{error.code(), std::to_string(more)};
        if (!opened) ++refused;
        return opened;
      };
      {
        const auto created = limited(
            [&](auto& error) { return Numbers::open(place, {.capacity = 8, .remove_on_close = true}, error); });
        expect(created.has_value() == (folder.entries() == 1), "a channel, or nothing");
        if (created) expect(NumberSubscriber{place}.publisher_alive(), "whoever has a publisher has the lock");
      }
      { Numbers{place, {.capacity = 8}}.publish(7); }
      const auto subscriber = limited([&](auto& error) {
        return NumberSubscriber::open(place, {.start = seqcast::StartPosition::oldest}, error);
      });
      if (subscriber) expect(subscriber->lag() == 1, "a subscriber finds the message");
      const auto successor = limited([&](auto& error) { return Numbers::open(place, {}, error); });
      NumberSubscriber late{place, {.start = seqcast::StartPosition::oldest}};
      const auto found = late.next();
      expect(found && found->message == 7, "the message is still there");
      if (successor) expect(successor->head() == 1, "a successor goes on");
      if (subscriber)
        expect(subscriber->state() != seqcast::ChannelState::superseded, "the region is the same");
      std::filesystem::remove(folder / "channel");
      std::filesystem::remove(folder / "channel.bell");
    }
    expect(refused >= 3, "some openings were refused");
    return true;
  });
}
