// SPDX-License-Identifier: BSL-1.0
//
// Calls each function of machine_code.cpp, in main() and nowhere else, so that machine_code_aarch64_test.sh can
// attribute the instructions of a trace to the calls.
//
//     machine_code_calls PATH   makes its channels at PATH and beside it
#include <seqcast/seqcast.hpp>

#include <cstdio>
#include <string>

extern "C" {
std::uint64_t publish_48_bytes(void* publisher, const void* message);
std::uint64_t publish_4096_bytes(void* publisher, const void* message);
std::uint64_t next_48_bytes(void* subscriber, void* message);
std::uint64_t latest_48_bytes(void* subscriber, void* message);
}

namespace {

template <std::size_t Words>
struct Channel {
  using Message = std::array<std::uint64_t, Words>;

  Channel(const std::string& path, seqcast::Wakeup wakeup)
      : publisher{seqcast::file(path), {.capacity = 8, .wakeup = wakeup}}, subscriber{seqcast::file(path)} {}

  seqcast::Publisher<Message> publisher;
  seqcast::Subscriber<Message> subscriber;
  Message message{};
};

} // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  const std::string path = argv[1];
  Channel<6> small{path, seqcast::Wakeup::polling};
  Channel<512> large{path + ".large", seqcast::Wakeup::polling};
  Channel<6> with_bell{path + ".with_bell", seqcast::Wakeup::bell};

  // The order in which the test expects them.
  bool right = publish_48_bytes(&small.publisher, &small.message) == 1;
  right &= publish_4096_bytes(&large.publisher, &large.message) == 1;
  right &= publish_48_bytes(&with_bell.publisher, &with_bell.message) == 1;
  right &= latest_48_bytes(&small.subscriber, &small.message) == 1;
  right &= publish_48_bytes(&small.publisher, &small.message) == 2;
  right &= next_48_bytes(&small.subscriber, &small.message) == 2;
  right &= next_48_bytes(&small.subscriber, &small.message) == 0; // there is no more
  return right ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "machine_code_calls: %s\n", error.what());
  return 1;
}
