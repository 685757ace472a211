// SPDX-License-Identifier: BSL-1.0
//
// File systems without unnamed files, on which a channel has a temporary name during its creation. The creating
// process is killed, or stopped, after each of its system calls: the next one does not need the name that a dead
// one has left, and touches none of a live one.
//
// Where ptrace or seccomp is forbidden these tests are skipped, with a message.
#include "support/after_crash.hpp"
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

enum class Result { none, opened, refused, other };

Result try_to_publish(const TemporaryFolder& folder, std::optional<Numbers>& publisher) {
  seqcast::Error error;
  publisher = Numbers::open(seqcast::file(folder / "channel"), {.capacity = 8}, error);
  if (publisher) return Result::opened;
  return error == seqcast::Errc::publisher_alive ? Result::refused : Result::other;
}

/// A process that creates a channel, and is stopped after `calls` system calls; it reports its result.
class Creator {
 public:
  Creator(const TemporaryFolder& folder, Links links, int calls)
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
  Result resume() {
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

/// A process on the same kind of file system, which tries to publish and stays until its line is closed.
Child second_publisher(const TemporaryFolder& folder, Links links) {
  return Child{[&folder, links](Line& line) {
    std::optional<Numbers> publisher;
    line.send(forbid_unnamed_files(links) ? try_to_publish(folder, publisher) : Result::other);
    line.receive<bool>();
  }};
}

void publish_once(const TemporaryFolder& folder, Links links) {
  Child child = second_publisher(folder, links);
  CHECK(child.line().expect<Result>() == Result::opened);
  child.line().hang_up();
  CHECK(child.wait() == ended_well);
}

} // namespace

TEST_CASE("what a publisher that is killed during creation leaves is in nobody's way, and stays what it is") {
  for (const std::size_t kind : {0U, 1U}) {
    CAPTURE(std::string{kinds[kind]});
    const Links links = links_of_kind[kind];
    int left = 0, calls = 0;
    for (bool done = false; !done; ++calls) {
      CAPTURE(calls);
      const TemporaryFolder folder;
      Creator creator{folder, links, calls};
      if (!creator.permitted()) return;
      done = creator.done();
      creator.kill();
      const Names temporary = temporary_names_in(folder);
      left += temporary.empty() ? 0 : 1;
      CHECK(temporary.size() <= 2); // the region's and the bell's
      publish_once(folder, links);
      Names all = finished;
      all.insert(temporary.begin(), temporary.end());
      CHECK(names_in(folder) == all);
    }
    MESSAGE(std::string{kinds[kind]} << ": killed after each of " << calls
                                     << " system calls, a file left after " << left);
    CHECK(left > 0);
  }
}

TEST_CASE("two publishers create a channel, one stopped after any system call, and exactly one gets it") {
  for (const std::size_t kind : {0U, 1U}) {
    CAPTURE(std::string{kinds[kind]});
    const Links links = links_of_kind[kind];
    int second_opened = 0, second_refused = 0, calls = 0;
    for (bool done = false; !done; ++calls) {
      CAPTURE(calls);
      const TemporaryFolder folder;
      Creator creator{folder, links, calls};
      if (!creator.permitted()) return;
      done = creator.done();
      Child other = second_publisher(folder, links);
      const auto result = other.line().expect<Result>();
      CHECK((result == Result::opened || result == Result::refused));
      CHECK(creator.resume() == (result == Result::opened ? Result::refused : Result::opened));
      (result == Result::opened ? second_opened : second_refused) += 1;
      CHECK(names_in(folder) == finished);
      other.line().hang_up();
      CHECK(other.wait() == ended_well);
      creator.kill();
    }
    MESSAGE(std::string{kinds[kind]} << ": stopped after each of " << calls
                                     << " system calls; the second publisher opened the channel after "
                                     << second_opened);
    CHECK(second_opened > 0);
    CHECK(second_refused > 0);
  }
}
