// SPDX-License-Identifier: BSL-1.0
//
// One live publisher per channel, despite other opens and closes of the file, crashes, zombies and read locks.
// Forks are in fork_process_test.cpp.
#include "support/child.hpp"
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

#include <fcntl.h>

using namespace test;
using Numbers = seqcast::Publisher<std::uint64_t>;
using NumberSubscriber = seqcast::Subscriber<std::uint64_t>;

namespace {

seqcast::Error try_to_publish(const seqcast::Location& place) {
  seqcast::Error error;
  const auto publisher = Numbers::open(place, {}, error);
  CHECK(publisher.has_value() == !error);
  return error;
}

/// A publisher process that publishes 1 and then waits for the end of its line.
Child publisher_process(const seqcast::Location& place) {
  Child child{[place](Line& line) {
    Numbers publisher{place};
    line.send(publisher.publish(1));
    line.receive<bool>();
  }};
  child.line().expect<std::uint64_t>();
  return child;
}

} // namespace

TEST_CASE("a second publisher is refused in the same process and in another one") {
  const TemporaryFolder folder;
  const seqcast::Location place = seqcast::file(folder / "channel");
  auto publisher = std::make_optional<Numbers>(place);
  const auto begin = steady::now();
  CHECK(try_to_publish(place) == seqcast::Errc::publisher_alive);
  CHECK(steady::now() - begin >= std::chrono::milliseconds{19}); // the holder of the lock could be ending
  Child other{[&](Line& line) { line.send(try_to_publish(place) == seqcast::Errc::publisher_alive); }};
  CHECK(other.line().expect<bool>());
  CHECK(other.wait() == ended_well);
  seqcast::Error error;
  CHECK_FALSE(seqcast::remove_channel(place, error));
  CHECK(error == seqcast::Errc::publisher_alive);
  CHECK_FALSE(Numbers::open(place, {.replace = true}, error));
  CHECK(error == seqcast::Errc::publisher_alive);
  publisher.reset();
  CHECK_FALSE(try_to_publish(place));
}

TEST_CASE("the refusal of a second publisher names the process of the first") {
  const TemporaryObject object;
  Child first = publisher_process(object.channel());
  try {
    const Numbers second{object.channel()};
    FAIL("a second publisher was let in");
  } catch (const std::system_error& refusal) {
    CHECK(refusal.code() == seqcast::Errc::publisher_alive);
    CHECK(std::string{refusal.what()}.find(std::to_string(first.id())) != std::string::npos);
  }
}

TEST_CASE("opening and closing the file in the publisher's own process does not free the lock") {
  const TemporaryFolder folder;
  const std::string path = folder / "channel";
  const seqcast::Location place = seqcast::file(path);
  const Numbers publisher{place};
  for (const int mode : {O_RDONLY, O_RDWR}) {
    { const Descriptor stray{::open(path.c_str(), mode | O_CLOEXEC)}; }
    { const NumberSubscriber subscriber{place}; }
    CHECK(try_to_publish(place) == seqcast::Errc::publisher_alive);
    Child other{[&](Line& line) { line.send(try_to_publish(place) == seqcast::Errc::publisher_alive); }};
    CHECK(other.line().expect<bool>());
  }
}

TEST_CASE("a successor of a killed publisher can open the channel at once") {
  const TemporaryObject object;
  const int rounds = 50;
  int at_once = 0;
  for (int round = 0; round < rounds; ++round) {
    Child child = publisher_process(object.channel());
    child.send_kill(); // and it is dying while the successor opens
    const auto begin = steady::now();
    seqcast::Error error = try_to_publish(object.channel());
    if (!error) ++at_once;
    // On a loaded machine the killed process may need longer to end than the library waits.
    CHECK((!error || steady::now() - begin >= std::chrono::milliseconds{19}));
    wait_until("a killed publisher's lock",
               [&] { return !error || !(error = try_to_publish(object.channel())); });
    CHECK(child.wait() == ended_killed);
  }
  MESSAGE(at_once << " of " << rounds << " take-overs at the first call");
}

TEST_CASE("a killed publisher that was not reaped counts as dead") {
  const TemporaryObject object;
  Child child = publisher_process(object.channel());
  NumberSubscriber subscriber{object.channel()};
  CHECK(subscriber.publisher_alive());
  child.kill_into_zombie();
  CHECK_FALSE(subscriber.publisher_alive());
  CHECK(subscriber.state() == seqcast::ChannelState::no_publisher);
  CHECK_FALSE(try_to_publish(object.channel()));
}

TEST_CASE("a read lock of another process keeps publishers out, and the error says that it is no publisher's") {
  for (const int command : {F_SETLK, F_OFD_SETLK}) {
    CAPTURE(command == F_SETLK);
    const TemporaryFolder folder;
    const std::string path = folder / "channel";
    const seqcast::Location place = seqcast::file(path);
    { Numbers{place}.publish(1); }
    const NumberSubscriber subscriber{place};
    Child reader{[&](Line& line) {
      const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
      struct flock lock {};
      lock.l_type = F_RDLCK;
      lock.l_whence = SEEK_SET;
      line.send(::fcntl(file.id(), command, &lock) == 0);
      line.receive<bool>();
    }};
    REQUIRE(reader.line().expect<bool>());
    CHECK_FALSE(subscriber.publisher_alive());
    CHECK(subscriber.state() == seqcast::ChannelState::closed);
    try {
      const Numbers publisher{place};
      FAIL("a publisher was let in without a lock");
    } catch (const std::system_error& refusal) {
      CHECK(refusal.code() == seqcast::Errc::lock_obstructed);
      const std::string text = refusal.what();
      CHECK(text.find("read lock") != std::string::npos);
      // The system does not name the holder of an open-file-description lock.
      if (command == F_SETLK) CHECK(text.find("process " + std::to_string(reader.id())) != std::string::npos);
    }
    CHECK(reader.kill() == ended_killed);
    CHECK_FALSE(try_to_publish(place));
  }
}
