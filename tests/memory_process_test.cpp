// SPDX-License-Identifier: BSL-1.0
//
// What a channel's memory is asked for: to stay there, and to be made of huge pages. What the kernel has done
// is read from /proc; each check that needs a kernel or a limit that is not there says so.
#include <doctest/doctest.h>
#include "support/child.hpp"
#include "support/refusal.hpp"
#include "support/sandbox.hpp"
#include "support/temporary.hpp"

#include <fstream>
#include <memory>

#include <sys/mman.h>
#include <sys/resource.h>

using namespace seqcast;
using namespace test;

namespace {

struct Block {
  std::array<std::uint64_t, 512> words;
};

constexpr std::uint64_t capacity = 2048; // slots: some 8 MiB

/// The sum of the lines that begin with `field`, in KiB, of those mappings whose file's name contains `name`.
std::uint64_t mapped(const std::string& name, const std::string& field) {
  std::ifstream maps{"/proc/self/smaps"};
  std::uint64_t sum = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(field) == 0) {
      if (ours) sum += std::stoull(line.substr(field.size()));
    } else if (line.find('-') < line.find(' ')) { // the first line of a mapping
      ours = line.find(name) != std::string::npos;
    }
  }
  return sum;
}

/// What this process has locked, in KiB.
std::uint64_t locked() {
  const std::string field = "VmLck:";
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.find(field) == 0) return std::stoull(line.substr(field.size()));
  }
  return 0;
}

bool kernel_collapses() {
  std::ifstream release{"/proc/sys/kernel/osrelease"};
  int major = 0;
  int minor = 0;
  char dot = 0;
  release >> major >> dot >> minor;
  return major > 6 || (major == 6 && minor >= 1);
}

/// qemu answers that any advice was taken, and passes none of it on.
bool advice_reaches_the_kernel() {
  void* const page = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  constexpr int no_advice = 9999;
  const bool taken = ::madvise(page, 4096, no_advice) == 0;
  ::munmap(page, 4096);
  return !taken;
}

/// Whether this kernel makes a huge page of shared memory at this moment; where memory is in pieces it may not.
bool makes_huge_pages() {
  constexpr std::size_t huge_page = 2 << 20;
  constexpr int collapse = 25; // MADV_COLLAPSE, which older headers do not know
  const TemporaryFolder folder;
  const Descriptor file{::open((folder / "probe").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (::posix_fallocate(file.id(), 0, huge_page) != 0) return false;
  void* const room = ::mmap(nullptr, 2 * huge_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return false;
  std::size_t size = 2 * huge_page;
  void* page = room;
  std::align(huge_page, huge_page, page, size);
  const bool made =
      ::mmap(page, huge_page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.id(), 0) == page &&
      ::madvise(page, huge_page, collapse) == 0;
  ::munmap(room, 2 * huge_page);
  return made;
}

/// Sanitizers make mlock() do nothing.
bool memory_can_be_locked() {
  const std::uint64_t before = locked();
  alignas(4096) static std::array<std::byte, 4096> page;
  if (::mlock(page.data(), page.size()) != 0) return false;
  const bool shows = locked() > before;
  ::munlock(page.data(), page.size());
  if (!shows) MESSAGE("locking memory does nothing here: skipped");
  return shows;
}

bool limit_locked_memory(rlim_t bytes) {
  const struct rlimit limit { bytes, bytes };
  return ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
}

} // namespace

TEST_CASE("a channel with huge pages has them, its subscribers have them too, and it carries messages") {
  constexpr std::uint64_t all = 2 * 6 * 1024; // KiB, but for what does not fill a whole one, on both sides
  std::uint64_t huge = 0;
  for (int attempt = 0; attempt < 10 && huge < all; ++attempt) {
    const TemporaryFolder folder;
    const Location channel = folder.channel();
    Publisher<Block> publisher{channel, {.capacity = capacity, .huge_pages = true}};
    Subscriber<Block> subscriber{channel};
    for (std::uint64_t i = 1; i <= 3 * capacity; ++i) {
      Block block;
      block.words.fill(i);
      publisher.publish(block);
      const auto received = subscriber.next();
      REQUIRE(received);
      REQUIRE(received->message.words == block.words);
    }
    huge = mapped(folder.path(), "ShmemPmdMapped:");
    MESSAGE(huge << " KiB of huge pages in two mappings");
    if (!advice_reaches_the_kernel()) {
      MESSAGE("skipped: an emulator keeps the advice to use huge pages from the kernel");
      return;
    }
    if (!kernel_collapses()) {
      MESSAGE("the kernel is older than 6.1: there need not be any");
      return;
    }
    if (huge < all && !makes_huge_pages()) {
      MESSAGE("skipped: the kernel makes none, or has no memory for them at the moment");
      return;
    }
  }
  CHECK(huge >= all);
}

TEST_CASE("huge pages are no reason not to open: on a disk, and in a region smaller than one of them") {
  const TemporaryFolder disk{"/var/tmp"};
  for (const std::uint64_t slots : {capacity, std::uint64_t{8}}) {
    CAPTURE(slots);
    const Location channel = disk.channel(std::to_string(slots));
    Publisher<Block> publisher{channel, {.capacity = slots, .huge_pages = true}};
    Subscriber<Block> subscriber{channel};
    publisher.publish({});
    CHECK(subscriber.next());
  }
}

TEST_CASE("a take-over with huge pages keeps what is in the channel") {
  const TemporaryFolder folder;
  const Location channel = folder.channel();
  {
    Publisher<Block> first{channel, {.capacity = capacity}};
    Block block;
    block.words.fill(7);
    first.publish(block);
  }
  Subscriber<Block> subscriber{channel, {.start = Start::oldest}};
  Publisher<Block> second{channel, {.huge_pages = true}};
  const auto received = subscriber.next();
  REQUIRE(received);
  CHECK(received->message.words[511] == 7);
  CHECK(second.publish({}) == 2);
}

TEST_CASE("a channel with lock_memory is kept in memory by each side that asks for it") {
  if (!memory_can_be_locked()) return;
  const TemporaryFolder folder;
  const Location channel = folder.channel();
  const std::uint64_t before = locked();
  // Small: some systems let a process lock no more than 64 KiB.
  Publisher<Block> publisher{channel, {.capacity = 4, .lock_memory = true}};
  const std::uint64_t one = locked() - before;
  CHECK(one >= 16);
  Subscriber<Block> without{channel};
  CHECK(locked() == before + one);
  Subscriber<Block> with{channel, {.lock_memory = true}};
  CHECK(locked() == before + 2 * one);
}

TEST_CASE("where less may be locked, opening fails, says what to do, and leaves nothing behind") {
  if (!memory_can_be_locked()) return;
  if (::geteuid() != 0) {
    MESSAGE("only root can become somebody with a limit: skipped");
    return;
  }
  const TemporaryFolder folder;
  folder.open_to_all();
  const Location channel = folder.channel();
  Child child{[&](Line&) {
    if (!limit_locked_memory(1 << 20) || !become_nobody()) raise_errno("setrlimit");
    const Refusal refused =
        publisher_refusal<Publisher<Block>>(channel, {.capacity = capacity, .lock_memory = true});
    if (refused.code != std::errc::not_enough_memory) throw GaveUp{"another error than ENOMEM"};
    if (!refused.says({"channel", "ulimit -l", "lock_memory"})) throw GaveUp{"it does not say what to do"};
    if (!siblings_of(folder / "channel").empty()) throw GaveUp{"something was left behind"};

    Publisher<Block> publisher{channel, {.capacity = capacity}};
    const Refusal other = subscriber_refusal<Subscriber<Block>>(channel, {.lock_memory = true});
    if (other.code != std::errc::not_enough_memory || !other.says({"ulimit -l"})) {
      throw GaveUp{"a subscriber is not told"};
    }
  }};
  CHECK(child.wait() == ended_well);
}
