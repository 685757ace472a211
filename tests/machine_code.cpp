// SPDX-License-Identifier: BSL-1.0
//
// The calls whose machine code machine_code_test.sh reads. Compiled, never run.
#include <seqcast/seqcast.hpp>

namespace {

struct Small {
  std::array<std::uint64_t, 6> words;
};
struct Large {
  std::array<std::uint64_t, 512> words;
};

} // namespace

extern "C" {
std::uint64_t publish_48_bytes(void* publisher, const void* message) {
  return static_cast<seqcast::Publisher<Small>*>(publisher)->publish(*static_cast<const Small*>(message));
}
std::uint64_t publish_4096_bytes(void* publisher, const void* message) {
  return static_cast<seqcast::Publisher<Large>*>(publisher)->publish(*static_cast<const Large*>(message));
}
std::uint64_t next_48_bytes(void* subscriber, void* message) {
  const auto delivery =
      static_cast<seqcast::Subscriber<Small>*>(subscriber)->next(*static_cast<Small*>(message));
  return delivery ? delivery->sequence : 0;
}
std::uint64_t latest_48_bytes(void* subscriber, void* message) {
  const auto delivery =
      static_cast<seqcast::Subscriber<Small>*>(subscriber)->latest(*static_cast<Small*>(message));
  return delivery ? delivery->sequence : 0;
}
// Shows that the test finds a fence.
void full_fence() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
}
