// SPDX-License-Identifier: BSL-1.0
//
// The surroundings of a channel: other users, the current folder, and the open resources of a process. Nothing
// may leak, and only the owner may publish.
//
// Cases that need root are skipped without it, with a message.
#include "support/open_resources.hpp"
#include "support/sandbox.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

using namespace test;
using Numbers = seqcast::Publisher<std::uint64_t>;
using NumberSubscriber = seqcast::Subscriber<std::uint64_t>;

namespace {

bool root() {
  if (::geteuid() == 0) return true;
  MESSAGE("skipped: only root can become another user");
  return false;
}

} // namespace

TEST_CASE("a subscriber of another user reads a channel that it may not write") {
  if (!root()) return;
  const TemporaryFolder folder;
  folder.open_to_all();
  const seqcast::Location place = seqcast::file(folder / "channel");
  auto publisher = std::make_optional<Numbers>(place, seqcast::PublisherOptions{.mode = 0644});
  REQUIRE(::chmod(place.name().c_str(), 0444) == 0);
  publisher->publish(7);
  Child stranger{[&](Line& line) {
    if (!become_nobody()) throw std::runtime_error{"root cannot become nobody"};
    seqcast::Error error;
    auto subscriber = NumberSubscriber::open(place, {.start = seqcast::StartPosition::oldest}, error);
    if (!subscriber) throw std::system_error{error.code()};
    line.send(subscriber->next()->message);
    line.send(subscriber->publisher_alive());
    line.expect<bool>(); // it is closed
    line.send(subscriber->state());
    // Whoever may not write may not publish either, nor remove.
    line.send(!Numbers::open(place, {.allow_other_owner = true}, error) &&
              error == std::errc::permission_denied);
  }};
  CHECK(stranger.line().expect<std::uint64_t>() == 7);
  CHECK(stranger.line().expect<bool>());
  publisher.reset();
  stranger.line().send(true);
  CHECK(stranger.line().expect<seqcast::ChannelState>() == seqcast::ChannelState::closed);
  CHECK(stranger.line().expect<bool>());
  CHECK(stranger.wait() == ended_well);
}

TEST_CASE("a channel of mode 0600 is refused to a subscriber of another user") {
  if (!root()) return;
  const TemporaryFolder folder;
  folder.open_to_all();
  const seqcast::Location place = seqcast::file(folder / "channel");
  const Numbers publisher{place};
  Child stranger{[&](Line& line) {
    if (!become_nobody()) throw std::runtime_error{"root cannot become nobody"};
    seqcast::Error error;
    line.send(!NumberSubscriber::open(place, {}, error) && error == std::errc::permission_denied);
  }};
  CHECK(stranger.line().expect<bool>());
}

TEST_CASE("a publisher refuses a channel that belongs to another user, unless allow_other_owner is set") {
  if (!root()) return;
  const TemporaryFolder folder;
  folder.open_to_all();
  const seqcast::Location place = seqcast::file(folder / "channel");
  Child stranger{[&](Line&) {
    if (!become_nobody()) throw std::runtime_error{"root cannot become nobody"};
    Numbers{place}.publish(7);
  }};
  REQUIRE(stranger.wait() == ended_well);
  seqcast::Error error;
  for (const bool replace : {false, true}) {
    CHECK_FALSE(Numbers::open(place, {.replace = replace}, error));
    CHECK(error == seqcast::Errc::other_owner);
  }
  const auto trusting = Numbers::open(place, {.allow_other_owner = true}, error);
  REQUIRE(trusting);
  CHECK(trusting->head() == 1);
}

TEST_CASE("a change of the current folder does not change which channel a relative name stands for") {
  const TemporaryFolder folder;
  Child child{[&](Line& line) {
    std::filesystem::current_path(folder.path());
    std::optional<Numbers> publisher{std::in_place, seqcast::file("channel"),
                                     seqcast::PublisherOptions{.capacity = 8, .remove_on_close = true}};
    NumberSubscriber subscriber{seqcast::file("channel")};
    std::filesystem::current_path("/");
    publisher->publish(7);
    line.send(subscriber.state() == seqcast::ChannelState::live && !subscriber.reopen());
    line.send(folder.entries());
    publisher.reset();
    line.send(folder.entries());
    line.send(subscriber.state() == seqcast::ChannelState::closed);
    const Numbers successor{seqcast::file(folder / "channel")};
    line.send(subscriber.reopen());
  }};
  CHECK(child.line().expect<bool>());
  CHECK(child.line().expect<std::size_t>() == 1);
  CHECK(child.line().expect<std::size_t>() == 0);
  CHECK(child.line().expect<bool>());
  CHECK(child.line().expect<bool>());
  CHECK(child.wait() == ended_well);
}

TEST_CASE("a relative name keeps its meaning where the current folder's path is too long to be known") {
  const TemporaryFolder folder;
  Child child{[&](Line& line) {
    std::filesystem::current_path(folder.path());
    const std::string part(250, 'd');
    for (int depth = 0; depth < 20; ++depth) {
      if (::mkdir(part.c_str(), 0700) != 0 || ::chdir(part.c_str()) != 0) raise_errno("a deep folder");
    }
    const Descriptor deep{::open(".", O_PATH | O_CLOEXEC)};
    std::optional<Numbers> publisher{std::in_place, seqcast::file("channel"),
                                     seqcast::PublisherOptions{.remove_on_close = true}};
    NumberSubscriber subscriber{seqcast::file("channel")};
    if (::chdir("/") != 0) raise_errno("chdir");
    line.send(publisher->state() == seqcast::ChannelState::live);
    line.send(subscriber.state() == seqcast::ChannelState::live);
    line.send(subscriber.wakeup() == seqcast::Wakeup::bell);
    publisher.reset();
    struct stat status {};
    line.send(::fstatat(deep.id(), "channel", &status, 0) != 0 &&
              ::fstatat(deep.id(), "channel.bell", &status, 0) != 0);
  }};
  for (int i = 0; i < 4; ++i) CHECK(child.line().expect<bool>());
  CHECK(child.wait() == ended_well);
}

TEST_CASE("what a program prints after it has closed its standard descriptors gets into no channel") {
  const TemporaryFolder folder;
  Child child{[&](Line& line) {
    for (const int standard : {0, 1, 2}) ::close(standard);
    std::optional<Numbers> publisher{seqcast::file(folder / "channel")};
    NumberSubscriber subscriber{seqcast::file(folder / "channel")};
    const seqcast::PollDescriptor poll;
    constexpr char text[] = "what went wrong";
    for (const int standard : {0, 1, 2}) line.send(::write(standard, text, sizeof text) < 0 && errno == EBADF);
    publisher->publish(7);
    publisher.emplace(Numbers{seqcast::file(folder / "other")});
    line.send(Numbers{seqcast::file(folder / "channel")}.head() == 1);
  }};
  for (int i = 0; i < 4; ++i) CHECK(child.line().expect<bool>());
  CHECK(child.wait() == ended_well);
}

TEST_CASE("a channel is made whatever the umask takes from its owner") {
  if (!root()) return; // who may open every file
  for (const bool unnamed : {true, false}) {
    for (const unsigned mask : {0777U, 0477U, 0277U}) {
      CAPTURE(unnamed);
      CAPTURE(mask);
      const TemporaryFolder folder;
      folder.open_to_all();
      Child child{[&](Line&) {
        if (!become_nobody() || (!unnamed && !forbid_unnamed_files(Links::refused)))
          throw std::runtime_error{"no sandbox"};
        ::umask(mask);
        Numbers publisher{seqcast::file(folder / "channel")};
        if (NumberSubscriber{publisher.location()}.wakeup() != seqcast::Wakeup::bell)
          throw std::runtime_error{"no bell"};
      }};
      CHECK(child.wait() == ended_well);
    }
  }
}

TEST_CASE("a file of a user who is unknown in this user namespace is not taken for the own") {
  if (!root()) return;
  const TemporaryFolder folder;
  folder.open_to_all();
  const seqcast::Location place = seqcast::file(folder / "channel");
  { const Numbers publisher{place, {.bell_mode = 0666, .mode = 0666}}; }
  for (const char* const name : {"channel", "channel.bell"}) {
    REQUIRE(::chown((folder / name).c_str(), 1234, 1234) == 0);
  }
  Child child{[&](Line& line) {
    // Both ids are 65534 from here on.
    if (!become_nobody() || ::unshare(CLONE_NEWUSER) != 0) {
      line.send(std::optional<bool>{});
      return;
    }
    seqcast::Error error;
    const bool refused = !Numbers::open(place, {}, error) && error == seqcast::Errc::other_owner;
    NumberSubscriber subscriber{place};
    line.send(std::optional<bool>{refused && subscriber.wakeup() == seqcast::Wakeup::polling});
  }};
  const auto held = child.line().expect<std::optional<bool>>();
  if (!held) MESSAGE("skipped: user namespaces are not permitted here");
  CHECK(held.value_or(true));
  CHECK(child.wait() == ended_well);
}

TEST_CASE("nothing needs the path of an open channel: it goes on in a chroot") {
  if (!root()) return;
  const TemporaryFolder folder, jail;
  Child child{[&](Line& line) {
    std::optional<Numbers> publisher{std::in_place, seqcast::file(folder / "channel"),
                                     seqcast::PublisherOptions{.remove_on_close = true}};
    NumberSubscriber subscriber{seqcast::file(folder / "channel")};
    if (::chroot(jail.path().c_str()) != 0 || ::chdir("/") != 0) throw std::runtime_error{"chroot"};
    line.send(publisher->state() == seqcast::ChannelState::live &&
              subscriber.state() == seqcast::ChannelState::live &&
              subscriber.wakeup() == seqcast::Wakeup::bell);
    publisher.reset();
    line.send(subscriber.state() == seqcast::ChannelState::closed);
  }};
  CHECK(child.line().expect<bool>());
  CHECK(child.line().expect<bool>());
  CHECK(child.wait() == ended_well);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a channel beyond the limit of file sizes is an error, not the end of the process") {
  const TemporaryFolder folder;
  Child child{[&](Line& line) {
    const struct rlimit limit { 100'000, 100'000 };
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error{"setrlimit"};
    seqcast::Error error;
    line.send(!Numbers::open(seqcast::file(folder / "channel"), {.capacity = 4096}, error) &&
              error == std::errc::file_too_large);
    line.send(Numbers::open(seqcast::file(folder / "channel"), {.capacity = 1024}, error).has_value());
  }};
  CHECK(child.line().expect<bool>());
  CHECK(child.line().expect<bool>());
  CHECK(child.wait() == ended_well);
}

TEST_CASE("a child that skips the handlers of fork() has nothing of the channel to publish into") {
  const TemporaryFolder folder;
  Numbers publisher{seqcast::file(folder / "channel")};
  NumberSubscriber subscriber{publisher.location()};
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL); // the test framework has a handler
    publisher.publish(666);
    ::_exit(0);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK_FALSE(subscriber.next());
  CHECK(publisher.publish(1) == 1);
  CHECK(subscriber.next()->message == 1);
}

TEST_CASE("a thousand openings and closings leave no descriptor, no mapping and no file behind") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  const auto cycle = [&](int round) {
    seqcast::Error error;
    std::optional<Numbers> publisher{std::in_place, place, seqcast::PublisherOptions{.capacity = 8}};
    std::optional<NumberSubscriber> subscriber{std::in_place, place};
    publisher->publish(7);
    CHECK(subscriber->next().has_value());
    *subscriber = NumberSubscriber{place};
    std::optional<Numbers> elsewhere{std::move(publisher)};
    CHECK_FALSE(seqcast::Subscriber<int>::open(place, {}, error));      // another type
    if (round % 100 == 0) CHECK_FALSE(Numbers::open(place, {}, error)); // refused
    publisher.reset();
    elsewhere.reset();
    CHECK_FALSE(seqcast::Publisher<int>::open(place, {}, error)); // another type
    elsewhere.emplace(place, seqcast::PublisherOptions{.capacity = 16, .replace = true});
    CHECK(subscriber->reopen());
    elsewhere.reset();
    CHECK(folder.entries() == 1);
    CHECK(seqcast::remove_channel(place));
    CHECK_FALSE(NumberSubscriber::open(place, {}, error)); // nothing there
  };
  cycle(0); // what is opened once and for all
  const OpenResources before;
  for (int round = 1; round <= 1000; ++round) cycle(round);
  CHECK(OpenResources{} == before);
  CHECK(folder.entries() == 0);
  {
    const Numbers publisher{place};
    CHECK_FALSE(OpenResources{} == before); // this test can see one that is open
  }
  CHECK(OpenResources{} == before);
}
