// SPDX-License-Identifier: BSL-1.0
//
// crash: a publisher is killed in the middle of a message, again and again, and a successor takes over. The
// client gets every complete message, whole and in order, and nothing of the unfinished ones.
//
// The kill comes inside publish(): the last message is gathered from two halves, and no process may read the
// second one. When publish() has copied the first half into the slot and reads the second one, the processor
// faults, and the fault handler kills the process. publish() never returns.
#include "stop.hpp"
#include "system.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <array>
#include <seqcast/seqcast.hpp>

constexpr int publishers = 100;
constexpr std::uint64_t messages_each = 100;
constexpr std::size_t half_size = 512;

/// One half of a message: all words are the message's number.
static std::array<std::uint64_t, half_size / 8> half_of(std::uint64_t sequence) {
  std::array<std::uint64_t, half_size / 8> half;
  half.fill(sequence);
  return half;
}

static bool is_whole(const seqcast::ReceivedBytes& received) {
  const auto half = half_of(received.sequence);
  return received.as<std::array<std::array<std::uint64_t, half_size / 8>, 2>>() == std::array{half, half};
}

static int publish_and_die(const std::string& name) {
  seqcast::BytePublisher publisher{seqcast::shared_memory(name)};
  for (std::uint64_t i = 0; i < messages_each; ++i) {
    const auto half = half_of(publisher.head() + 1);
    publisher.publish({half, half});
  }
  demo::kill_on_fault();
  const std::span unreadable{static_cast<const std::byte*>(demo::map_inaccessible(half_size)), half_size};
  publisher.publish({half_of(publisher.head() + 1), unreadable});
  return 1; // not reached
}

int main(int argc, char** argv) try {
  if (argc > 1) return publish_and_die(argv[1]);
  const demo::StopOnSignal stop;
  const auto name = fmt::format("seqcast-crash-{}", demo::process_id());
  const auto location = seqcast::shared_memory(name);
  std::optional<seqcast::BytePublisher> creator{
      std::in_place, location, seqcast::PublisherOptions{.capacity = 256, .max_message_size = 2 * half_size}};
  seqcast::ByteSubscriber client{location};
  creator.reset();
  std::uint64_t received = 0, lost = 0, torn = 0;
  int killed = 0;
  while (killed < publishers && !stop.requested()) {
    demo::Child publisher{{name}, [&] { return publish_and_die(name); }};
    if (publisher.wait() != demo::Child::killed) break;
    ++killed;
    while (const auto message = client.next()) {
      ++received;
      lost += message->lost;
      if (!is_whole(*message)) ++torn;
    }
    if (killed == 4) fmt::print("...\n");
    if (killed > 3 && killed < publishers) continue;
    fmt::print("publisher {:>3} killed inside message {:>5}; client has 1 to {:>5}\n", killed, received + 1,
               client.cursor());
  }
  seqcast::remove_channel(location);
  fmt::print("{} publishers killed; {} messages in order, {} lost, {} torn\n", killed, received, lost, torn);
  if (stop.requested() || (received == publishers * messages_each && lost == 0 && torn == 0)) return 0;
  fmt::print(stderr, "crash: this must not happen; please report it\n");
  return 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "crash: {}\n", error.what());
  return 1;
}
