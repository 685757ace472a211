// SPDX-License-Identifier: BSL-1.0
//
// What forked children, and programs started by a publisher or a subscriber, inherit: nothing that they could
// publish with, no lock and no descriptor. A child may outlive the publisher's process for any time.
#include "support/child.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>

using namespace test;
using Numbers = seqcast::Publisher<std::uint64_t>;
using NumberSubscriber = seqcast::Subscriber<std::uint64_t>;

namespace {

/// Where a forked child waits for a byte before the library's own handler runs, which is registered later.
std::atomic<int> held_by{-1};

void hold_child() {
  char byte = 0;
  if (held_by >= 0) [[maybe_unused]]
    const ssize_t got = ::read(held_by, &byte, 1);
}
[[maybe_unused]] const int registered = ::pthread_atfork(nullptr, nullptr, hold_child);

/// A process that was handed over to this one, since the one that made it has died. Killed and reaped.
class Orphan {
 public:
  explicit Orphan(pid_t id) : id_{id} {}
  Orphan(const Orphan&) = delete;
  Orphan& operator=(const Orphan&) = delete;
  ~Orphan() {
    ::kill(id_, SIGKILL);
    reap(id_, Watchdog{"the end of an orphan"});
  }
  bool lives() const {
    siginfo_t facts{};
    return ::waitid(P_PID, static_cast<id_t>(id_), &facts, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           facts.si_pid == 0;
  }

 private:
  pid_t id_;
};

/// What device:inode pairs /proc/self/fd of a program started now has; `extra` is inherited on purpose.
std::string descriptors_of_a_program(bool with_spawn, int extra) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Descriptor from{ends[0]};
  Descriptor to{ends[1]};
  const std::string keep = "/proc/self/fd/" + std::to_string(extra);
  const std::string script =
      "for f in /proc/self/fd/*; do stat -L -c %d:%i. $f; done; stat -L -c %d:%i. " + keep;
  char shell[] = "/bin/sh";
  char dash_c[] = "-c";
  std::string text = script;
  char* const arguments[] = {shell, dash_c, text.data(), nullptr};
  pid_t id = 0;
  if (with_spawn) { // vfork and the like: no handlers of fork run
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to.id(), 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    REQUIRE(::posix_spawn(&id, shell, &actions, nullptr, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
  } else {
    id = ::fork();
    REQUIRE(id >= 0);
    if (id == 0) {
      ::dup2(to.id(), 1);
      ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
      ::execv(shell, arguments);
      ::_exit(127);
    }
  }
  to = Descriptor{};
  std::string output;
  const Watchdog watchdog{"the output of a program"};
  char buffer[4096];
  while (readable(from.id(), watchdog)) {
    const ssize_t got = ::read(from.id(), buffer, sizeof buffer);
    if (got <= 0) break;
    output.append(buffer, static_cast<std::size_t>(got));
  }
  CHECK(reap(id, Watchdog{"the end of a program"}).signal == 0);
  return output;
}

std::string identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) raise_errno("stat");
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ".";
}

} // namespace

TEST_CASE("a publisher inherited by a forked child is dead") {
  const TemporaryFolder folder;
  const std::string path = folder / "channel";
  const seqcast::Location place = seqcast::file(path);
  auto publisher = std::make_optional<Numbers>(place, seqcast::PublisherOptions{.remove_on_close = true});
  NumberSubscriber subscriber{place};
  publisher->publish(1);
  Child child{[&](Line&) {
    for (std::uint64_t i = 0; i < 100; ++i) publisher->publish(666);
    publisher.reset();
  }};
  CHECK(child.wait() == ended_well);
  CHECK(subscriber.state() == seqcast::ChannelState::live);
  CHECK(::access(path.c_str(), F_OK) == 0);
  seqcast::Error error;
  CHECK_FALSE(Numbers::open(place, {}, error));
  CHECK(error == seqcast::Errc::publisher_alive);
  CHECK(publisher->publish(2) == 2);
  for (const std::uint64_t expected : {1U, 2U}) {
    const auto found = subscriber.next();
    REQUIRE(found);
    CHECK(found->message == expected);
    CHECK(found->sequence == expected);
  }
  CHECK_FALSE(subscriber.next());
}

TEST_CASE("a forked child that outlives its publisher keeps neither the lock nor anything to write to") {
  if (!adopt_orphans(true)) {
    MESSAGE(cannot_adopt);
    return;
  }
  for (const bool moved : {false, true}) {
    const TemporaryFolder folder;
    const seqcast::Location place = seqcast::file(folder / "channel");
    Child child{[&](Line& line) {
      Numbers publisher{place};
      publisher.publish(1);
      std::optional<Numbers> elsewhere;
      if (moved) elsewhere = std::move(publisher);
      const pid_t grandchild = ::fork();
      if (grandchild == 0) {
        (moved ? *elsewhere : publisher).publish(666);
        line.send(::getpid()); // by now it has run, and so let go of what it inherited
        line.receive<bool>();  // until the test hangs up, or kills it
        ::_exit(0);
      }
      line.receive<bool>();
    }};
    const Orphan grandchild{child.line().expect<pid_t>()};
    NumberSubscriber subscriber{place, {.start = seqcast::StartPosition::oldest}};
    CHECK(child.kill() == ended_killed);
    CHECK(grandchild.lives());
    CHECK_FALSE(subscriber.publisher_alive());
    CHECK(subscriber.state() == seqcast::ChannelState::no_publisher);
    Numbers successor{place};
    CHECK(successor.head() == 1);
    CHECK(successor.publish(2) == 2);
    CHECK(subscriber.next()->message == 1);
    CHECK(subscriber.next()->message == 2);
    CHECK(grandchild.lives());
  }
  adopt_orphans(false);
}

TEST_CASE("a child that has not run yet does not keep the lock of a publisher that ends") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Descriptor from{ends[0]};
  const Descriptor to{ends[1]};
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  auto publisher = std::make_optional<Numbers>(place);
  held_by = from.id();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  held_by = -1;
  publisher.reset();
  seqcast::Error error;
  CHECK(Numbers::open(place, {}, error));
  CHECK_FALSE(error);
  REQUIRE(::write(to.id(), "", 1) == 1);
  reap(child, Watchdog{"the end of a child"});
}

TEST_CASE("children forked by another thread at any time never keep a lock") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  // In a process of its own, so that no other test runs with its threads about.
  Child forker{[&](Line& line) {
    std::atomic<bool> done{false};
    std::atomic<int> opened{0};
    std::atomic<int> refused{0};
    std::jthread opener{[&] {
      for (int round = 0; !done; ++round) {
        seqcast::Error error;
        const bool created = round % 2 == 0; // every other time the file is made anew
        const auto publisher = Numbers::open(place, {.remove_on_close = !created}, error);
        ++(publisher ? opened : refused);
      }
    }};
    std::vector<pid_t> children;
    for (int i = 0; i < 200; ++i) {
      const int before = opened;
      const pid_t id = ::fork();
      if (id == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) ::pause();
      }
      if (id > 0) children.push_back(id);
      wait_until("a publisher to be opened", [&] { return opened > before || refused > 0; });
    }
    done = true;
    opener.join();
    for (const pid_t id : children) ::kill(id, SIGKILL);
    for (const pid_t id : children) reap(id, Watchdog{"the end of a forked child"});
    line.send(static_cast<int>(children.size()));
    line.send(refused.load());
  }};
  CHECK(forker.line().expect<int>() == 200);
  CHECK(forker.line().expect<int>() == 0);
  CHECK(forker.wait() == ended_well);
}

TEST_CASE("a program started by a publisher or a subscriber inherits no descriptor of the channel") {
  const TemporaryFolder folder;
  const std::string path = folder / "channel";
  const Numbers publisher{seqcast::file(path)};
  const NumberSubscriber subscriber{seqcast::file(path)};
  const Descriptor on_purpose{::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY)};
  for (const bool with_spawn : {false, true}) {
    const std::string found = descriptors_of_a_program(with_spawn, on_purpose.id());
    CHECK(found.find(identity_of(path)) == std::string::npos);
    CHECK(found.find(identity_of(folder.path())) != std::string::npos); // this test can see an inherited one
  }
}
