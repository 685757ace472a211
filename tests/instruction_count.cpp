// SPDX-License-Identifier: BSL-1.0
//
// Calls publish() and next() of 48 bytes, from machine_code.cpp, for instruction_count_test.sh: 32 times each, beside
// a bell that nobody waits for, and without a wrap of the ring or a reading of the clock.
//
//     instruction_count PATH   makes its channel there
#include <seqcast/seqcast.hpp>

#include <cstdio>

extern "C" {
std::uint64_t publish_48_bytes(void* publisher, const void* message);
std::uint64_t next_48_bytes(void* subscriber, void* message);
}

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  using Message = std::array<std::uint64_t, 6>;
  const auto location = seqcast::file(argv[1]);
  seqcast::Publisher<Message> publisher{location, {.capacity = 1024, .remove_on_close = true}};
  seqcast::Subscriber<Message> subscriber{location};
  Message message{};
  for (std::uint64_t sequence = 1; sequence <= 32; ++sequence) {
    if (publish_48_bytes(&publisher, &message) != sequence) return 1;
    if (next_48_bytes(&subscriber, &message) != sequence) return 1;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "instruction_count: %s\n", error.what());
  return 1;
}
