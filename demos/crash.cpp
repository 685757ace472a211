// SPDX-License-Identifier: BSL-1.0
//
// crash: a publisher is killed in the middle of a message, again and again, and a successor takes over. The
// client gets every complete message, whole and in order, and nothing of those that were never finished.
//
// 'In the middle' is meant literally. The last message is gathered from two halves, and the second one lies in
// a page that nobody may read: when publish() has copied the first half into the slot and comes to the second,
// the processor faults, and the handler of that fault has the process killed. publish() never returns.
#include "stop.hpp"
#include "system.hpp"

#include <fmt/core.h>
#include <algorithm>
#include <seqcast/seqcast.hpp>

using namespace std::chrono_literals;
constexpr int publishers = 100;
constexpr std::uint64_t messages_each = 100;
constexpr std::size_t half_size = 512;
constexpr std::uint32_t whole_size = 2 * half_size;

/// One half of a message: bytes that tell which message they belong to.
static std::array<std::uint64_t, half_size / 8> half_of(std::uint64_t sequence) {
  std::array<std::uint64_t, half_size / 8> half;
  half.fill(sequence);
  return half;
}

static bool whole(const seqcast::ReceivedBytes& received) {
  const auto half = half_of(received.sequence);
  const std::array message{half, half};
  return std::ranges::equal(received.message, std::as_bytes(std::span{message}));
}

static void publish_and_die(const std::string& name) {
  seqcast::BytePublisher news{seqcast::shared_memory(name)};
  for (std::uint64_t i = 0; i < messages_each; ++i) {
    const auto half = half_of(news.head() + 1);
    news.publish({std::as_bytes(std::span{half}), std::as_bytes(std::span{half})});
  }
  const auto half = half_of(news.head() + 1);
  news.publish({std::as_bytes(std::span{half}), deadly_bytes(half_size)});
}

int main(int argc, char** argv) try {
  if (argc > 1) publish_and_die(argv[1]);
  const StopOnSignal stop;
  const auto name = fmt::format("seqcast-crash-{}", process_id());
  const auto where = seqcast::shared_memory(name);
  std::optional<seqcast::BytePublisher> maker{
      std::in_place, where, seqcast::PublisherOptions{.capacity = 256, .max_message_size = whole_size}};
  seqcast::ByteSubscriber client{where};
  maker.reset();
  std::uint64_t received = 0, lost = 0, torn = 0;
  int killed = 0;
  while (killed < publishers && !stop.requested()) {
    Child publisher{name, publish_and_die};
    if (publisher.wait() != Child::killed) break;
    ++killed;
    while (const auto message = client.next()) {
      ++received;
      lost += message->lost;
      if (!whole(*message)) ++torn;
    }
    if (killed == 4) fmt::print("...\n");
    if (killed > 3 && killed < publishers) continue;
    fmt::print("publisher {:>3} killed inside message {:>5}; client has 1 to {:>5}\n", killed, received + 1,
               client.cursor());
  }
  seqcast::remove(where);
  fmt::print("{} publishers killed; {} messages in order, {} lost, {} torn\n", killed, received, lost, torn);
  if (stop.requested() || (received == publishers * messages_each && lost == 0 && torn == 0)) return 0;
  fmt::print(stderr, "crash: this must not happen; please report it\n");
  return 1;
} catch (const std::exception& error) {
  fmt::print(stderr, "crash: {}\n", error.what());
  return 1;
}
