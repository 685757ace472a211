// SPDX-License-Identifier: BSL-1.0
//
// Opening and removing a channel where a system call is refused, interrupted or overtaken: this program has its
// own openat(), linkat() and the like, in the place of the C library's, for the library too.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstring>
#include <functional>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

/// What is done in the place of a system call; by default the call itself.
struct Hooks {
  std::function<bool(const char* name, int flags)> openat; // these give true for a call that is done, and errno
  std::function<bool(const char* to)> linkat;
  std::function<void(const char* to)> after_link;
  std::function<bool(const char* to)> rename;
  std::function<bool()> fallocate;
  std::function<bool(int command, struct flock& lock)> lock;
  std::function<void(const char* name)> after_unlink;
} hooks;

bool refuses(int error) {
  errno = error;
  return error != 0;
}

} // namespace

extern "C" {

int openat(int folder, const char* name, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = va_arg(rest, unsigned);
  va_end(rest);
  if (hooks.openat && hooks.openat(name, flags)) return -1;
  return static_cast<int>(::syscall(SYS_openat, folder, name, flags, mode));
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  if (hooks.linkat && hooks.linkat(to)) return errno == 0 ? 0 : -1;
  const auto result = static_cast<int>(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
  if (hooks.after_link) hooks.after_link(to);
  return result;
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (hooks.rename && hooks.rename(to)) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int fallocate(int id, int mode, off_t begin, off_t size) {
  if (hooks.fallocate && hooks.fallocate()) return -1;
  return static_cast<int>(::syscall(SYS_fallocate, id, mode, begin, size));
}

int unlinkat(int folder, const char* name, int flags) noexcept {
  const auto result = static_cast<int>(::syscall(SYS_unlinkat, folder, name, flags));
  if (hooks.after_unlink) hooks.after_unlink(name);
  return result;
}

int fcntl(int id, int command, ...) {
  std::va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  const bool lock = command == F_OFD_SETLK || command == F_OFD_GETLK;
  if (lock && hooks.lock && hooks.lock(command, *static_cast<struct flock*>(argument))) return -1;
  return static_cast<int>(::syscall(SYS_fcntl, id, command, argument));
}
}

using namespace seqcast;
using test::publish_all;
using test::publisher_refusal;
using test::TemporaryFolder;

namespace {

/// No hook is called after what it refers to has ended: to be declared after that.
struct NoHooks {
  NoHooks() = default;
  NoHooks(const NoHooks&) = delete;
  NoHooks& operator=(const NoHooks&) = delete;
  ~NoHooks() {
    hooks = {};
  }
};

// Those that are documented, and some that sandboxes give.
constexpr int refusals[] = {EACCES, EPERM, EINVAL, EOPNOTSUPP, ENOSYS, EISDIR, ENOENT, EUCLEAN, ENOTTY, EIO};

void check_channel(const TemporaryFolder& folder) {
  BytePublisher publisher{folder.channel(), {.capacity = 8}};
  ByteSubscriber subscriber{folder.channel()};
  publisher.publish("a message");
  CHECK(subscriber.next()->text() == "a message");
  CHECK(subscriber.wakeup() == Wakeup::bell);
  CHECK(publisher.state() == ChannelState::live);
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::publisher_alive);
  struct stat status {};
  REQUIRE(::stat((folder / "channel").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 >= status.st_size); // no hole, which could raise SIGBUS later
}

} // namespace

TEST_CASE("whatever error an unnamed file is refused with, the channel gets a temporary name") {
  for (const int error : refusals) {
    CAPTURE(error);
    const TemporaryFolder folder;
    const NoHooks none;
    hooks.openat = [&](const char*, int flags) { return (flags & O_TMPFILE) == O_TMPFILE && refuses(error); };
    check_channel(folder);
  }
}

TEST_CASE("whatever error the naming of an unnamed file is refused with, a named one is made") {
  for (const int error : refusals) {
    CAPTURE(error);
    for (const bool replace : {false, true}) {
      const TemporaryFolder folder;
      if (replace) publish_all(folder.channel(), {"old"}, {.capacity = 2});
      const NoHooks none;
      hooks.linkat = [&](const char*) { return refuses(error); };
      if (replace) {
        const BytePublisher other{folder.channel(), {.capacity = 8, .replace = true}};
      }
      check_channel(folder);
      CHECK(folder.entries() == 1);
    }
  }
}

TEST_CASE(
    "whatever error a rename that replaces nothing is refused with, the name is kept free by other means") {
  for (const int error : refusals) {
    CAPTURE(error);
    const TemporaryFolder folder;
    const NoHooks none;
    hooks.linkat = [&](const char*) { return refuses(EPERM); };
    hooks.rename = [&](const char*) { return refuses(error); };
    check_channel(folder);
    CHECK(folder.entries() == 1);
  }
}

TEST_CASE("two publishers whose renames may replace do not replace each other") {
  const TemporaryFolder folder;
  std::optional<BytePublisher> first;
  const NoHooks none;
  hooks.linkat = [&](const char*) { return refuses(EPERM); };
  bool raced = false;
  hooks.rename = [&](const char* to) {
    if (std::strcmp(to, "channel") == 0 && !std::exchange(raced, true)) first.emplace(folder.channel());
    return refuses(EINVAL);
  };
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::publisher_alive);
  REQUIRE(first);
  CHECK(first->state() == ChannelState::live);
  CHECK(folder.entries() == 1);
}

TEST_CASE("a publisher that takes a name which another one keeps free is not replaced by that") {
  const TemporaryFolder folder;
  std::optional<BytePublisher> first;
  const NoHooks none;
  hooks.linkat = [&](const char*) { return refuses(EPERM); };
  hooks.rename = [&](const char*) { return refuses(EINVAL); };
  bool created = false;
  bool raced = false;
  hooks.openat = [&](const char* name, int flags) {
    if (std::strcmp(name, "channel") == 0 && (flags & O_EXCL) != 0) created = true;
    return false;
  };
  hooks.lock = [&](int command, struct flock&) {
    if (created && command == F_OFD_SETLK && !std::exchange(raced, true)) first.emplace(folder.channel());
    return false;
  };
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::publisher_alive);
  REQUIRE(first);
  CHECK(first->state() == ChannelState::live);
}

TEST_CASE("a file that gets the temporary name of a new channel is neither taken for that nor removed") {
  const TemporaryFolder folder;
  const NoHooks none;
  std::string taken;
  hooks.openat = [&](const char* name, int flags) {
    if ((flags & O_TMPFILE) == O_TMPFILE) return refuses(EPERM);
    const bool again = std::strstr(name, ".seqcast-new-") != nullptr && (flags & O_CREAT) == 0;
    if (again && taken.empty()) {
      taken = folder / name;
      std::filesystem::remove(taken);
      test::write_text(taken, "another's");
    }
    return false;
  };
  Error error;
  CHECK_FALSE(BytePublisher::open(folder.channel(), {}, error));
  CHECK(error == std::errc::permission_denied);
  CHECK(test::read_file(taken).size() == 9);
}

TEST_CASE("a channel whose name is as long as a file system allows gets a temporary name that is no longer") {
  const TemporaryFolder folder;
  const NoHooks none;
  hooks.openat = [&](const char*, int flags) { return (flags & O_TMPFILE) == O_TMPFILE && refuses(EPERM); };
  const auto channel = folder.channel(std::string(255, 'n'));
  CHECK(BytePublisher{channel, {.wakeup = Wakeup::polling}}.state() == ChannelState::live);
}

TEST_CASE("a file system that gives a new name another file is refused, and that file stays as it is") {
  const TemporaryFolder folder;
  const NoHooks none;
  hooks.linkat = [&](const char* to) {
    if (std::strcmp(to, "channel") != 0) return false;
    test::write_text(folder / to, "as bindfs does");
    errno = 0;
    return true;
  };
  Error error;
  CHECK_FALSE(BytePublisher::open(folder.channel(), {.wakeup = Wakeup::polling}, error));
  CHECK(error == std::errc::operation_not_supported);
  CHECK(error.message().find("a second publisher could not be kept out") != std::string::npos);
  CHECK(test::read_file(folder / "channel").size() == 14);
}

TEST_CASE("a lock that does not show under the channel's name is refused, and no channel is left") {
  const TemporaryFolder folder;
  const NoHooks none;
  hooks.lock = [&](int command, struct flock& lock) {
    if (command == F_OFD_GETLK && lock.l_type == F_RDLCK) {
      lock.l_type = F_UNLCK;
      return refuses(ENOTSUP);
    }
    return false;
  };
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == std::errc::operation_not_supported);
  CHECK(folder.entries() == 0);
}

TEST_CASE("a publisher whose name goes to another channel while it opens removes nothing of that") {
  const TemporaryFolder folder;
  std::optional<BytePublisher> other;
  const NoHooks none;
  bool raced = false;
  hooks.after_link = [&](const char* to) {
    if (std::strcmp(to, "channel") != 0 || std::exchange(raced, true)) return;
    remove_channel(folder.channel(), {.even_if_alive = true});
    other.emplace(folder.channel());
  };
  const BytePublisher publisher{folder.channel()};
  REQUIRE(other);
  CHECK(publisher.state() == ChannelState::superseded);
  CHECK(other->state() == ChannelState::live);
}

TEST_CASE("whatever error an allocation is refused with, every block is written, and no byte of it changes") {
  for (const int error : refusals) {
    if (error == EIO) continue; // a fault of the disk
    CAPTURE(error);
    const TemporaryFolder folder;
    const NoHooks none;
    hooks.fallocate = [&] { return refuses(error); };
    check_channel(folder);
    ByteSubscriber subscriber{folder.channel(), {.start = StartPosition::oldest}};
    const BytePublisher successor{folder.channel()};
    CHECK(subscriber.next()->text() == "a message");
  }
}

TEST_CASE("no space is an error at once, and leaves nothing behind") {
  const TemporaryFolder folder;
  const NoHooks none;
  hooks.fallocate = [] { return refuses(ENOSPC); };
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == std::errc::no_space_on_device);
  CHECK(folder.entries() == 0);
}

TEST_CASE("an allocation that signals interrupt again and again ends: they are blocked meanwhile") {
  const TemporaryFolder folder;
  int interrupted = 0;
  const NoHooks none;
  hooks.fallocate = [&] {
    sigset_t blocked;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    if (::sigismember(&blocked, SIGALRM) == 1) return false;
    REQUIRE(++interrupted < 1000);
    return refuses(EINTR);
  };
  check_channel(folder);
  CHECK(interrupted > 0);
  sigset_t blocked;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  CHECK(::sigismember(&blocked, SIGALRM) == 0);
}

TEST_CASE("a lock that is released just when its holder is looked for is taken") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1"});
  bool asked = false;
  const NoHooks none;
  hooks.lock = [&](int command, struct flock& lock) {
    if (command == F_OFD_GETLK) {
      asked = true; // and is answered that nothing is in the way
      return false;
    }
    return !asked && lock.l_type == F_WRLCK && refuses(EAGAIN);
  };
  CHECK(BytePublisher{folder.channel()}.head() == 1);
  CHECK(asked);
}

TEST_CASE("a channel that is made while another is removed keeps its bell") {
  for (const bool on_close : {false, true}) {
    CAPTURE(on_close);
    const TemporaryFolder folder;
    std::optional<BytePublisher> old{std::in_place, folder.channel(),
                                     PublisherOptions{.remove_on_close = on_close}};
    std::optional<BytePublisher> successor;
    if (!on_close) old.reset();
    bool raced = false;
    const NoHooks none;
    hooks.after_unlink = [&](const char* name) {
      if (std::strcmp(name, "channel") == 0 && !std::exchange(raced, true)) successor.emplace(folder.channel());
    };
    if (on_close) {
      old.reset();
    } else {
      CHECK(remove_channel(folder.channel()));
    }
    REQUIRE(successor);
    CHECK(ByteSubscriber{folder.channel()}.wakeup() == Wakeup::bell);
  }
}

TEST_CASE("no publisher comes between the look for a channel and the removal of its forgotten bell") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1"});
  std::filesystem::remove(folder / "channel");
  bool tried = false;
  const NoHooks none;
  hooks.after_unlink = [&](const char* name) {
    if (std::exchange(tried, true) || std::strcmp(name, "channel.bell") != 0) return;
    CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::publisher_alive);
  };
  CHECK_FALSE(remove_channel(folder.channel()));
  CHECK(tried);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a bell that is removed before the region has its name is made anew") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1"});
  std::filesystem::remove(folder / "channel");
  const NoHooks none;
  hooks.linkat = [&](const char* to) {
    if (std::strcmp(to, "channel") == 0) std::filesystem::remove(folder / "channel.bell");
    return false;
  };
  check_channel(folder);
}

TEST_CASE("another user's bell is refused, also where it appeared while the publisher made its own") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can be two users");
    return;
  }
  const TemporaryFolder folder;
  publish_all(folder.channel("other"), {"1"});
  const auto bell = test::read_file(folder / "other.bell");
  const NoHooks none;
  hooks.linkat = [&](const char* to) {
    if (std::strcmp(to, "channel.bell") != 0) return false;
    test::write_file(folder / to, bell);
    REQUIRE(::chmod((folder / to).c_str(), 0666) == 0);
    REQUIRE(::chown((folder / to).c_str(), 1234, 1234) == 0);
    return false;
  };
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::other_owner);
  CHECK(publisher_refusal<BytePublisher>(folder.channel()).code == Errc::other_owner);
  CHECK(test::read_file(folder / "channel.bell") == bell);
}
