// SPDX-License-Identifier: BSL-1.0
//
// torn: one process overwrites 1024 bytes in shared memory as fast as it can, another reads and checks them;
// first the naive way, then through seqcast. In a whole message all words are the same number.
#include "child.hpp"

#include <fmt/core.h>
#include <sys/mman.h>
#include <seqcast/seqcast.hpp>

using namespace std::chrono_literals;
using Block = std::array<std::uint64_t, 128>;

/// The compiler must store, or load, the shared bytes now: as far as it knows, somebody else looks at them
/// here.
static void really(void* shared) {
  asm volatile("" : : "r"(shared) : "memory");
}

/// The naive way: no sequence, no lock, just bytes that lie in both processes.
class NaiveRegion {
 public:
  void publish(const Block& block) {
    std::memcpy(bytes_, &block, sizeof(block));
    really(bytes_);
  }
  bool read(Block& block) {
    really(bytes_);
    std::memcpy(&block, bytes_, sizeof(block));
    return true;
  }

 private:
  void* bytes_ = [] {
    void* const bytes = mmap(nullptr, sizeof(Block), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) throw std::system_error{errno, std::generic_category(), "cannot map memory"};
    return bytes;
  }();
};

static void publish_for_ever(auto publish) {
  Block block;
  for (std::uint64_t number = 1;; ++number) {
    block.fill(number);
    publish(block);
  }
}

/// Reads for a second, prints what came, and gives how many were torn; nothing if there was nothing to read.
static std::optional<std::uint64_t> count_torn(const char* way, auto read) {
  std::uint64_t reads = 0, torn = 0;
  Block block;
  for (const auto end = std::chrono::steady_clock::now() + 1s; std::chrono::steady_clock::now() < end;) {
    if (!read(block)) continue;
    ++reads;
    torn += std::ranges::any_of(block, [&](std::uint64_t word) { return word != block[0]; });
  }
  fmt::print("{:<8} {:>8} of {:>8} reads torn\n", way, torn, reads);
  std::fflush(stdout);
  return reads > 0 ? std::optional{torn} : std::nullopt;
}

int main() try {
  {
    NaiveRegion region;
    const Child publisher{[&] { publish_for_ever([&](const Block& block) { region.publish(block); }); }};
    count_torn("naive", [&](Block& block) { return region.read(block); });
  }
  const std::string name = fmt::format("seqcast-torn-{}", getpid());
  const Child publisher{[&] {
    seqcast::Publisher<Block> blocks{seqcast::shared_memory(name), {.doorbell = false}}; // nobody sleeps
    publish_for_ever([&](const Block& block) { blocks.publish(block); });
  }};
  seqcast::Subscriber<Block> blocks{seqcast::shared_memory(name), {.open_timeout = 5s}};
  shm_unlink(name.c_str()); // both have it; the name is not needed any more
  const auto torn = count_torn("seqcast", [&](Block& block) { return blocks.latest(block).has_value(); });
  if (torn == 0) return 0;
  fmt::print(stderr, "torn: this must not happen; please report it\n");
  return 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "torn: {}\n", error.what());
  return 1;
}
