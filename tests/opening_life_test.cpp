// SPDX-License-Identifier: BSL-1.0
//
// What becomes of a name: replaced, removed, left by an earlier boot of the machine, waited for, owned by
// another user. Subscribers keep the region that they mapped, and are told.
#include <doctest/doctest.h>
#include "support/file_bytes.hpp"
#include "support/refusal.hpp"
#include "support/temporary.hpp"

#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
  CHECK(refusal.says({"a live publisher", std::to_string(::getpid()).c_str()}));
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
  CHECK(std::filesystem::is_empty(folder.path()));
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
  REQUIRE(::unlink(path.c_str()) == 0);
  REQUIRE(::access((path + ".bell").c_str(), F_OK) == 0);
  CHECK_FALSE(seqcast::remove(folder.channel()));
  CHECK(::access((path + ".bell").c_str(), F_OK) != 0);
}

TEST_CASE("remove() works for shared memory as well") {
  const test::TemporaryObject name;
  publish_all(name.channel(), {"1"});
  CHECK(seqcast::remove(name.channel()));
  CHECK_FALSE(seqcast::remove(name.channel()));
}

TEST_CASE("remove_on_close removes the channel in the destructor, but not one that took its name") {
  const TemporaryFolder folder;
  {
    const BytePublisher publisher{folder.channel(), {.remove_on_close = true}};
    CHECK(std::filesystem::exists(folder / "channel"));
  }
  CHECK(std::filesystem::is_empty(folder.path()));
  {
    const BytePublisher publisher{folder.channel(), {.remove_on_close = true}};
    std::filesystem::remove(folder / "channel");
    test::write_text(folder / "channel", "something else");
  }
  CHECK(test::read_file(folder / "channel").size() == 14);
}

TEST_CASE("unlinking the file is noticed, and so is another file in its place") {
  const TemporaryFolder folder;
  const BytePublisher publisher{folder.channel()};
  ByteSubscriber subscriber{folder.channel()};
  CHECK(subscriber.state() == State::live);
  std::filesystem::rename(folder / "channel", folder / "elsewhere");
  CHECK(subscriber.state() == State::superseded);
  std::filesystem::rename(folder / "elsewhere", folder / "channel");
  CHECK(subscriber.state() == State::live);
  std::filesystem::remove(folder / "channel");
  test::write_text(folder / "channel", "another file");
  CHECK(subscriber.state() == State::superseded);
}

TEST_CASE("a huge region from before a reboot is nobody's channel until a publisher takes it over") {
  const TemporaryFolder folder;
  const Location location = folder.channel();
  publish_all(location, {"1"}, {.capacity = 2, .max_message_size = 48});
  constexpr std::uint64_t capacity = std::uint64_t{1} << 28; // slots of 64 bytes: 16 GiB, all of it a hole
  const std::uint64_t size = detail::header_size + capacity * 64;
  test::patch_file<std::uint64_t>(location.name(), 40, capacity);
  test::patch_file<std::uint64_t>(location.name(), 16, size);
  std::filesystem::resize_file(location.name(), size);
  reboot(location.name());

  std::error_code error;
  CHECK_FALSE(ByteSubscriber::open(location, {}, error));
  CHECK(error == Errc::no_channel);
  struct stat facts {};
  REQUIRE(::stat(location.name().c_str(), &facts) == 0);
  CHECK(facts.st_blocks * 512 < 1 << 20); // nobody has looked at every slot
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
  CHECK(subscriber.wait_for(10s) == Wait::message);
  CHECK(subscriber.next()->text() == "old");
  CHECK(subscriber.wait_for(10s) == Wait::superseded);
  CHECK(subscriber.wait_for(10s) == Wait::message);
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

TEST_CASE("a region that another user owns is refused to publishers unless they trust that user") {
  if (!root()) return;
  const TemporaryFolder folder;
  publish_all(folder.channel(), {"1"}, {.doorbell = false});
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
          ByteSubscriber subscriber{folder.channel(), {.start = Start::oldest}};
          const auto received = subscriber.next();
          return received && received->text() == "for everybody" && subscriber.state() == State::live &&
                 subscriber.publisher_alive() && subscriber.wakeup() == Wakeup::polling;
        }) == 0);
  CHECK(as_another_user([&] {
          std::error_code error;
          return !BytePublisher::open(folder.channel(), {}, error) && error == std::errc::permission_denied;
        }) == 0);
}

TEST_CASE("a channel is private by default: another user is told so") {
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
