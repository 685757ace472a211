// SPDX-License-Identifier: BSL-1.0
//
// PublisherOptions::lock_memory and SubscriberOptions::lock_memory: what the kernel has locked is read from
// /proc. A check that needs a limit or a right that this process does not have is skipped, with a message.
#include <doctest/doctest.h>
#include "support/child.hpp"
#include "support/refusal.hpp"
#include "support/sandbox.hpp"
#include "support/temporary.hpp"

#include <fstream>

#include <sys/mman.h>
#include <sys/resource.h>

using namespace seqcast;
using namespace test;

namespace {

struct Block {
  std::array<std::uint64_t, 512> words;
};

constexpr std::uint64_t capacity = 2048; // slots: about 8 MiB

/// Locked memory of this process, in KiB.
std::uint64_t locked() {
  const std::string field = "VmLck:";
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.find(field) == 0) return std::stoull(line.substr(field.size()));
  }
  return 0;
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

TEST_CASE("lock_memory locks the mapping of the side that sets it") {
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

TEST_CASE(
    "above the limit on locked memory opening fails, the error names the remedy, and nothing is left behind") {
  if (!memory_can_be_locked()) return;
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can become another user");
    return;
  }
  const TemporaryFolder folder;
  folder.open_to_all();
  const Location channel = folder.channel();
  Child child{[&](Line&) {
    if (!limit_locked_memory(1 << 20) || !become_nobody()) raise_errno("setrlimit");
    const Refusal refused =
        publisher_refusal<Publisher<Block>>(channel, {.capacity = capacity, .lock_memory = true});
    if (refused.code != std::errc::not_enough_memory) throw WaitFailed{"another error than ENOMEM"};
    if (!refused.says({"channel", "ulimit -l", "lock_memory"})) throw WaitFailed{"the error names no remedy"};
    if (!siblings_of(folder / "channel").empty()) throw WaitFailed{"something was left behind"};

    Publisher<Block> publisher{channel, {.capacity = capacity}};
    const Refusal other = subscriber_refusal<Subscriber<Block>>(channel, {.lock_memory = true});
    if (other.code != std::errc::not_enough_memory || !other.says({"ulimit -l"})) {
      throw WaitFailed{"a subscriber gets no error"};
    }
  }};
  CHECK(child.wait() == ended_well);
}
