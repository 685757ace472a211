// SPDX-License-Identifier: BSL-1.0
//
// recording_fuzz: any bytes are read as a recording: opened, all messages read, and verified.
//
// For all bytes: no access outside them, no allocation beyond what the limits permit, an end, and numbers
// that hold: sequence == previous + 1 + lost within a chunk's channel, and what verify() finds in order gives
// all its messages.
#include "reader.hpp"
#include "recording.hpp"
#include "support/recording_memory.hpp"
#include "writer.hpp"

#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace {

using namespace seqcast::recording;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

std::uint64_t sum = 0; // of all bytes, so that each is read

/// Reads all messages; gives how many there are.
std::uint64_t read_all(const Recording& recording, std::size_t size) {
  std::uint64_t messages = 0;
  std::uint64_t faults = 0;
  Cursor cursor = recording.read();
  for (;;) {
    try {
      const auto entry = cursor.next();
      if (!entry) return messages;
      ++messages;
      require(entry->sequence > entry->lost, "what is lost comes before");
      require(recording.channel(entry->channel) != nullptr, "a message has a channel");
      sum += std::accumulate(
          entry->message.begin(), entry->message.end(), std::uint64_t{0},
          [](std::uint64_t total, std::byte byte) { return total + static_cast<unsigned>(byte); });
    } catch (const Failure&) {
      require(++faults <= size, "each fault takes some of the bytes");
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const mcap::Bytes bytes = std::as_bytes(std::span{data, size});
  const auto source = test::MemorySource::first(bytes);
  try {
    const mcap::Limits limits{1 << 20, 1 << 16, 1 << 16};
    const Recording recording{source, limits};
    for (const RecordedChannel& channel : recording.channels()) recording.account(channel.id);
    const std::uint64_t messages = read_all(recording, size);
    const Verdict verdict = verify(source, limits);
    require(verdict.faults.size() <= 100, "the list of faults is bounded");
    if (verdict.fault_count == 0)
      require(verdict.messages == messages, "a sound recording gives all its messages");
  } catch (const Failure& failure) {
    require(std::string{failure.what()}.starts_with("memory"), "an error says where");
  }
  return 0;
}
