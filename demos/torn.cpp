// SPDX-License-Identifier: BSL-1.0
//
// torn: one process overwrites 1024 bytes in shared memory as fast as it can, another one reads and checks
// them; first without any protocol, then through seqcast. In a whole message all words are the same number; a
// message with two different words is torn: it was overwritten while it was read.
#include "system.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <seqcast/seqcast.hpp>

using namespace std::chrono_literals;
using Block = std::array<std::uint64_t, 128>;

/// Makes the compiler store and load the shared bytes at this point, as if another process used them here.
static void force_memory_access(void* shared) {
  asm volatile("" : : "r"(shared) : "memory");
}

/// Shared memory without a sequence and without a lock.
class NaiveRegion {
 public:
  explicit NaiveRegion(const std::string& name) : shared_{name, sizeof(Block)} {}

  void publish(const Block& block) {
    std::memcpy(shared_.get(), &block, sizeof(block));
    force_memory_access(shared_.get());
  }
  bool read(Block& block) {
    force_memory_access(shared_.get());
    std::memcpy(&block, shared_.get(), sizeof(block));
    return true;
  }

 private:
  demo::SharedBytes shared_;
};

static int publish_forever(auto publish) {
  Block block;
  for (std::uint64_t number = 1;; ++number) {
    block.fill(number);
    publish(block);
  }
}

/// The publishing process: in the region or channel of that name.
static int publish_as(const std::string& name) {
  if (name.starts_with("naive")) {
    NaiveRegion region{name};
    return publish_forever([&](const Block& block) { region.publish(block); });
  }
  seqcast::Publisher<Block> publisher{seqcast::shared_memory(name)};
  return publish_forever([&](const Block& block) { publisher.publish(block); });
}

/// Reads for a second, prints the result, and gives the number of torn reads; nothing if nothing was read.
static std::optional<std::uint64_t> count_torn(const char* label, auto read) {
  std::uint64_t reads = 0, torn = 0;
  Block block;
  for (const auto end = std::chrono::steady_clock::now() + 1s; std::chrono::steady_clock::now() < end;) {
    if (!read(block)) continue;
    ++reads;
    torn += std::ranges::any_of(block, [&](std::uint64_t word) { return word != block[0]; });
  }
  fmt::print("{:<8} {:>8} of {:>8} reads torn\n", label, torn, reads);
  std::fflush(stdout);
  return reads > 0 ? std::optional{torn} : std::nullopt;
}

static void read_naively(const std::string& name) {
  NaiveRegion region{name};
  const demo::Child publisher{{name}, [&] { return publish_as(name); }};
  count_torn("naive", [&](Block& block) { return region.read(block); });
}

static std::optional<std::uint64_t> read_through_seqcast(const std::string& name) {
  const demo::Child publisher{{name}, [&] { return publish_as(name); }};
  seqcast::Subscriber<Block> subscriber{seqcast::shared_memory(name), {.open_timeout = 5s}};
  return count_torn("seqcast", [&](Block& block) { return subscriber.latest(block).has_value(); });
}

int main(int argc, char** argv) try {
  if (argc > 1) return publish_as(argv[1]);
  const auto name = fmt::format("seqcast-torn-{}", demo::process_id());
  read_naively("naive-" + name);
  const auto torn = read_through_seqcast(name);
  seqcast::remove_channel(seqcast::shared_memory(name));
  if (torn == 0) return 0;
  fmt::print(stderr, "torn: this must not happen; please report it\n");
  return 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "torn: {}\n", error.what());
  return 1;
}
