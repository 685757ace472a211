// SPDX-License-Identifier: BSL-1.0
//
// File systems without unnamed files, on which a channel in the making has a temporary name. Its maker is
// killed, or stands still, after each of its system calls: whoever comes next removes what a dead one left, and
// nothing of a live one's.
//
// Where ptrace or seccomp is forbidden these tests say so and check nothing.
#include "support/aftermath.hpp"
#include "support/sandbox.hpp"
#include "support/shared_block.hpp"
#include "support/tracee.hpp"

#include <atomic>

using namespace test;
using Numbers = seqcast::Publisher<std::uint64_t>;

namespace {

using Names = std::set<std::string>;
const Names finished{"channel", "channel.bell"};

const char* const kinds[] = {"as NFS", "as vfat"};
constexpr Links links_of_kind[] = {Links::allowed, Links::refused};

enum class Result { none, in, refused, other };

Result try_to_publish(const TemporaryFolder& folder, std::optional<Numbers>& publisher) {
  std::error_code error;
  publisher = Numbers::open(seqcast::file(folder / "channel"), {.capacity = 8}, error);
  if (publisher) return Result::in;
  return error == seqcast::Errc::publisher_alive ? Result::refused : Result::other;
}

/// A process that creates a channel, and stands still after `calls` system calls; it says how it came out.
class Maker {
 public:
  Maker(const TemporaryFolder& folder, Links links, int calls)
      : tracee_{[&, links, this] {
          if (!forbid_unnamed_files(links)) ::_exit(Tracee::not_permitted);
          mark();
          std::optional<Numbers> publisher;
          *result_ = try_to_publish(folder, publisher);
          mark();
          ::_exit(0);
        }} {
    permitted_ = tracee_.run_to_mark();
    for (int call = 0; permitted_ && !done_ && call < calls; ++call) done_ = !tracee_.run_through_system_call();
    if (!permitted_) MESSAGE("skipped: ptrace or seccomp is not permitted here");
  }

  bool permitted() const noexcept {
    return permitted_;
  }
  bool done() const noexcept {
    return done_;
  }
  Result go_on() {
    if (!done_) tracee_.run_to_mark();
    return *result_;
  }
  void kill() {
    CHECK(tracee_.kill() == ended_killed);
  }

 private:
  SharedBlock<std::atomic<Result>> result_;
  Tracee tracee_;
  bool permitted_ = false;
  bool done_ = false;
};

/// A process on the same kind of file system, which tries to publish and stays until it is told to go.
Child rival(const TemporaryFolder& folder, Links links) {
  return Child{[&folder, links](Line& line) {
    std::optional<Numbers> publisher;
    line.send(forbid_unnamed_files(links) ? try_to_publish(folder, publisher) : Result::other);
    line.receive<bool>();
  }};
}

void publish_once(const TemporaryFolder& folder, Links links) {
  Child child = rival(folder, links);
  CHECK(child.line().expect<Result>() == Result::in);
  child.line().hang_up();
  CHECK(child.wait() == ended_well);
}

} // namespace

TEST_CASE("what a publisher leaves that is killed while it makes a channel goes when the channel is made") {
  for (const std::size_t kind : {0U, 1U}) {
    CAPTURE(std::string{kinds[kind]});
    const Links links = links_of_kind[kind];
    int left = 0, calls = 0;
    for (bool done = false; !done; ++calls) {
      CAPTURE(calls);
      const TemporaryFolder folder;
      Maker maker{folder, links, calls};
      if (!maker.permitted()) return;
      done = maker.done();
      maker.kill();
      if (names_in(folder).contains("channel.seqcast-new")) ++left;
      publish_once(folder, links);
      CHECK(names_in(folder) == finished);
    }
    MESSAGE(std::string{kinds[kind]} << ": killed after each of " << calls
                                     << " system calls, a file left after " << left);
    CHECK(left > 0);
  }
}

TEST_CASE("of two publishers that make a channel one stands still after any system call, and one gets it") {
  for (const std::size_t kind : {0U, 1U}) {
    CAPTURE(std::string{kinds[kind]});
    const Links links = links_of_kind[kind];
    int overtaken = 0, kept_out = 0, calls = 0;
    for (bool done = false; !done; ++calls) {
      CAPTURE(calls);
      const TemporaryFolder folder;
      Maker maker{folder, links, calls};
      if (!maker.permitted()) return;
      done = maker.done();
      Child other = rival(folder, links);
      const auto result = other.line().expect<Result>();
      CHECK((result == Result::in || result == Result::refused));
      CHECK(maker.go_on() == (result == Result::in ? Result::refused : Result::in));
      (result == Result::in ? overtaken : kept_out) += 1;
      CHECK(names_in(folder) == finished);
      other.line().hang_up();
      CHECK(other.wait() == ended_well);
      maker.kill();
    }
    MESSAGE(std::string{kinds[kind]} << ": stood still after each of " << calls
                                     << " system calls, overtaken after " << overtaken);
    CHECK(overtaken > 0);
    CHECK(kept_out > 0);
  }
}
