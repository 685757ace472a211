// SPDX-License-Identifier: BSL-1.0
//
// Files that exist on Linux and not on Windows: a FIFO, a socket, a link, files with a mode, files of another
// user, sparse files.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

bool no_bell_gets_its_name = false;

} // namespace

// In the place of the C library's, for the library too.
extern "C" int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  if (no_bell_gets_its_name && std::strstr(to, ".bell") != nullptr) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
}

extern "C" int renameat2(int from_folder, const char* from, int to_folder, const char* to,
                         unsigned flags) noexcept {
  if (no_bell_gets_its_name && std::strstr(to, ".bell") != nullptr) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}
extern "C" int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return ::renameat2(from_folder, from, to_folder, to, 0);
}

using namespace seqcast;
using test::publish_all;
using test::publisher_refusal;
using test::reboot;
using test::subscriber_refusal;
using test::TemporaryFolder;

namespace {

/// What a child process that first becomes another user returns: 0 if `holds`.
template <class Check>
int as_another_user(const Check& holds) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
    int result = 1;
    try {
      result = holds() ? 0 : 1;
    } catch (...) {
      result = 2;
    }
    ::_exit(result);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

bool root() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: only root can be two users");
  return false;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

class Umask {
 public:
  explicit Umask(mode_t mask) : before_{::umask(mask)} {}
  Umask(const Umask&) = delete;
  ~Umask() {
    ::umask(before_);
  }

 private:
  mode_t before_;
};

} // namespace

TEST_CASE("a huge region from before a reboot is no channel until a publisher takes it over") {
  if (test::no_disk()) return;
  const TemporaryFolder folder{test::disk_place()};
  const Location location = folder.channel();
  publish_all(location, {"1"}, {.capacity = 2, .max_message_size = 48});
  constexpr std::uint64_t capacity = std::uint64_t{1} << 28; // slots of 64 bytes: 16 GiB, all of it a hole
  const std::uint64_t size = detail::header_size + capacity * 64;
  test::patch_file<std::uint64_t>(location.name(), 40, capacity);
  test::patch_file<std::uint64_t>(location.name(), 16, size);
  std::filesystem::resize_file(location.name(), size);
  reboot(location.name());

  seqcast::Error error;
  CHECK_FALSE(ByteSubscriber::open(location, {}, error));
  CHECK(error == Errc::no_channel);
  struct stat facts {};
  REQUIRE(::stat(location.name().c_str(), &facts) == 0);
  CHECK(facts.st_blocks * 512 < 1 << 20); // the slots were not loaded one by one
}

TEST_CASE("a subscriber notices that the file was unlinked, or another file took its name") {
  const TemporaryFolder folder;
  std::optional<BytePublisher> publisher{std::in_place, folder.channel(),
                                         PublisherOptions{.remove_on_close = true}};
  const ByteSubscriber subscriber{folder.channel()};
  CHECK(subscriber.state() == ChannelState::live);
  std::filesystem::remove(folder / "channel");
  CHECK(subscriber.state() == ChannelState::superseded);
  test::write_text(folder / "channel", "another file");
  CHECK(subscriber.state() == ChannelState::superseded);
  publisher.reset();
  CHECK(test::read_file(folder / "channel").size() == 12);
}

TEST_CASE("a mode is exact whatever the umask, and 0600 by default") {
  const TemporaryFolder folder;
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
    const Umask umask{mask};
    const std::string name = std::to_string(mask);
    const BytePublisher private_one{folder.channel(name)};
    CHECK(mode_of(folder / name) == 0600);
    CHECK(mode_of(folder / (name + ".bell")) == 0600);
    for (const std::uint32_t mode : {0600U, 0604U, 0644U, 0666U, 0660U, 0700U}) {
      const std::string other = name + "-" + std::to_string(mode);
      const BytePublisher publisher{folder.channel(other), {.mode = mode}};
      CHECK(mode_of(folder / other) == mode);
      CHECK(mode_of(folder / (other + ".bell")) == 0600);
    }
  }
}

TEST_CASE("a file that is not a regular one is refused, whatever it points to") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  const std::string path = location.name();
  SUBCASE("FIFO") {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  }
  SUBCASE("symbolic link to a channel") {
    publish_all(folder.channel("target"), {"1"});
    REQUIRE(::symlink("target", path.c_str()) == 0);
  }
  SUBCASE("dangling symbolic link") {
    REQUIRE(::symlink("nowhere", path.c_str()) == 0);
  }
  SUBCASE("socket") {
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int id = ::socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(::bind(id, static_cast<struct sockaddr*>(static_cast<void*>(&address)), sizeof address) == 0);
    ::close(id);
  }
  for (const auto& refusal :
       {subscriber_refusal<ByteSubscriber>(location), publisher_refusal<BytePublisher>(location),
        publisher_refusal<BytePublisher>(location, {.replace = true})}) {
    CAPTURE(refusal.text);
    CHECK(refusal.code == Errc::not_a_regular_file);
    CHECK(refusal.says({to_string(location).c_str(), "found a", "give the"}));
  }
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(location, error));
  CHECK(error == Errc::not_a_regular_file);
  CHECK_FALSE(std::filesystem::exists(folder / "nowhere"));
}

TEST_CASE("a region that another user owns is refused to publishers unless they trust that user") {
  if (!root()) return;
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1"}, {.wakeup = seqcast::Wakeup::polling});
  REQUIRE(::chown((folder / "channel").c_str(), 65534, 65534) == 0);
  const auto refusal = publisher_refusal<BytePublisher>(folder.channel());
  CHECK(refusal.code == Errc::other_owner);
  CHECK(refusal.says({"another user owns it", "allow_other_owner"}));
  CHECK(publisher_refusal<BytePublisher>(folder.channel(), {.replace = true}).code == Errc::other_owner);
  BytePublisher trusting{folder.channel(), {.allow_other_owner = true}};
  CHECK(trusting.publish("2") == 2);
}

TEST_CASE("a file of mode 0444 of another user can be subscribed to, and not published to") {
  if (!root()) return;
  const TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  BytePublisher publisher{folder.channel(), {.mode = 0644}};
  publisher.publish("for everybody");
  REQUIRE(::chmod((folder / "channel").c_str(), 0444) == 0);
  CHECK(as_another_user([&] {
          ByteSubscriber subscriber{folder.channel(), {.start = StartPosition::oldest}};
          const auto received = subscriber.next();
          return received && received->text() == "for everybody" && subscriber.state() == ChannelState::live &&
                 subscriber.publisher_alive() && subscriber.wakeup() == Wakeup::polling;
        }) == 0);
  CHECK(as_another_user([&] {
          seqcast::Error error;
          return !BytePublisher::open(folder.channel(), {}, error) && error == std::errc::permission_denied;
        }) == 0);
}

TEST_CASE("a channel is private by default, and the error for another user names the option") {
  if (!root()) return;
  const TemporaryFolder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  publish_all(folder.channel(), {"private"});
  CHECK(as_another_user([&] {
          try {
            const ByteSubscriber subscriber{folder.channel()};
          } catch (const std::system_error& error) {
            return error.code() == std::errc::permission_denied &&
                   std::string_view{error.what()}.find("PublisherOptions::mode") != std::string_view::npos;
          }
          return false;
        }) == 0);
}

TEST_CASE(
    "a publisher whose bell cannot be given its name leaves the channel closed, and a replaced one "
    "superseded") {
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1"});
  std::filesystem::remove(folder / "channel.bell");
  ByteSubscriber subscriber{folder.channel()};
  no_bell_gets_its_name = true;
  Error error;
  CHECK_FALSE(BytePublisher::open(folder.channel(), {}, error));
  CHECK(error == std::errc::io_error);
  CHECK(subscriber.state() == ChannelState::closed);
  const PublisherOptions replacing{.capacity = 2, .replace = true, .remove_on_close = true};
  CHECK_FALSE(BytePublisher::open(folder.channel(), replacing, error));
  no_bell_gets_its_name = false;
  CHECK(subscriber.state() == ChannelState::superseded);
  CHECK_FALSE(std::filesystem::exists(folder / "channel"));
}
