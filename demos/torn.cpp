// SPDX-License-Identifier: BSL-1.0
//
// torn: one process overwrites 1024 bytes in shared memory as fast as it can, another reads and checks them;
// first the naive way, then through seqcast. In a whole message all words are the same number.
#include "system.hpp"

#include <fmt/core.h>
#include <algorithm>
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
  explicit NaiveRegion(const std::string& name) : shared_{name, sizeof(Block)}, bytes_{shared_.get()} {}

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
  SharedBytes shared_;
  void* bytes_;
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

/// What the other process does, or this program where it is started with the name to publish under.
static void publish_under(const std::string& name) {
  if (name.starts_with("naive")) {
    NaiveRegion region{name};
    publish_for_ever([&](const Block& block) { region.publish(block); });
  }
  seqcast::Publisher<Block> blocks{seqcast::shared_memory(name), {.doorbell = false}}; // nobody sleeps
  publish_for_ever([&](const Block& block) { blocks.publish(block); });
}

/// Both ways; gives how many were torn through seqcast.
static std::optional<std::uint64_t> read_both(const std::string& naive_name, const std::string& name) {
  {
    NaiveRegion region{naive_name};
    const Child publisher{naive_name, publish_under};
    count_torn("naive", [&](Block& block) { return region.read(block); });
  }
  const Child publisher{name, publish_under};
  seqcast::Subscriber<Block> blocks{seqcast::shared_memory(name), {.open_timeout = 5s}};
  return count_torn("seqcast", [&](Block& block) { return blocks.latest(block).has_value(); });
}

int main(int argc, char** argv) try {
  if (argc > 1) publish_under(argv[1]);
  const auto name = fmt::format("seqcast-torn-{}", process_id());
  const auto torn = read_both("naive-" + name, name);
  seqcast::remove(seqcast::shared_memory(name));
  if (torn == 0) return 0;
  fmt::print(stderr, "torn: this must not happen; please report it\n");
  return 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "torn: {}\n", error.what());
  return 1;
}
