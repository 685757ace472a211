// SPDX-License-Identifier: BSL-1.0
//
// recording_listing: makes recordings, and lists what is read of them, for recording_judge.sh to compare with
// what another reader of MCAP lists.
//
//   recording_listing make FILE none|zstd   three channels, with losses, epochs and messages of 0 bytes to 3 KiB
//   recording_listing list FILE [FROM TO]   a line for each message, with FROM <= log time < TO (ns since 1970):
//                                           topic, sequence as MCAP has it, log time, publish time, bytes in
//                                           hexadecimal
//   recording_listing cuts FILE STEP        of 0, STEP, 2 STEP ... bytes of it: how many, and how many messages
#include "recording.hpp"
#include "support/file_bytes.hpp"
#include "support/recording_memory.hpp"

#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace seqcast::recording;

namespace {

void make(const std::string& path, const std::string& compression) {
  WriterOptions options;
  if (compression == "zstd") options.compression = Compression::zstd;
  Writer writer{path, options};
  std::vector<std::uint16_t> ids;
  for (int i = 0; i < 3; ++i) {
    RecordedChannel channel;
    channel.location = seqcast::shared_memory("channel " + std::to_string(i));
    channel.capacity = 16;
    channel.max_message_size = 4096;
    channel.timestamps = i != 1;
    if (i == 0) channel.schema = seqcast::Schema{"acme.Text{text:char[8]}"};
    if (i == 2) {
      channel.encoding = Encoding::json;
      channel.json_schema = R"({"type":"object"})";
    }
    ids.push_back(writer.add(channel));
  }
  std::minstd_rand random{7};
  std::vector<std::uint64_t> sequences(ids.size());
  std::int64_t now = 1'700'000'000'000'000'000;
  Chunk chunk;
  for (int i = 0; i < 60; ++i) {
    const std::size_t channel = random() % ids.size();
    sequences[channel] += 1 + (random() % 10 == 0 ? random() % 100 : 0);
    if (i == 40) sequences[channel] += std::uint64_t{1} << 33;
    now += static_cast<std::int64_t>(random() % 1000);
    const Time received{std::chrono::nanoseconds{now}};
    const Time published{std::chrono::nanoseconds{now - (channel == 1 ? 0 : 100)}};
    std::vector<std::byte> bytes(i == 30 ? 3000 : random() % 50);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    chunk.add(ids[channel], sequences[channel], {i < 20 ? 1u : 2u, 1}, published, received, bytes);
    if (i % 9 != 8) continue;
    writer.write(chunk);
    chunk.clear();
  }
  writer.write(chunk);
  writer.add_metadata({"note", {{"made by", "recording_listing"}}});
  writer.finish();
}

void list(const Recording& recording, const Filter& filter) {
  Cursor cursor = recording.read(filter);
  while (const auto entry = cursor.next()) {
    const Time published = entry->published_at.value_or(entry->received_at);
    std::printf("%s %lu %ld %ld ", recording.channel(entry->channel)->topic().c_str(),
                static_cast<unsigned long>(static_cast<std::uint32_t>(entry->sequence)),
                static_cast<long>(entry->received_at.time_since_epoch().count()),
                static_cast<long>(published.time_since_epoch().count()));
    for (const std::byte byte : entry->message) std::printf("%02x", static_cast<unsigned>(byte));
    std::printf("\n");
  }
}

void list_cuts(const std::string& path, std::size_t step) {
  const test::Bytes bytes = test::read_file(path);
  for (std::size_t size = 0; size < bytes.size(); size += step) {
    std::uint64_t messages = 0;
    try {
      const Recording recording{test::MemorySource::first(std::as_bytes(std::span{bytes}), size)};
      Cursor cursor = recording.read();
      while (cursor.next()) ++messages;
    } catch (const Failure&) {
      messages = 0; // not even the header is whole
    }
    std::printf("%zu %lu\n", size, static_cast<unsigned long>(messages));
  }
}

Time time_of(const char* ns) {
  return Time{std::chrono::nanoseconds{std::stoll(ns)}};
}

} // namespace

int main(int argc, char** argv) try {
  const std::string verb = argc > 2 ? argv[1] : "";
  if (verb == "make" && argc == 4) {
    make(argv[2], argv[3]);
  } else if (verb == "list" && argc == 3) {
    list(Recording{argv[2]}, {});
  } else if (verb == "list" && argc == 5) {
    Filter filter;
    filter.from = time_of(argv[3]);
    filter.to = time_of(argv[4]);
    list(Recording{argv[2]}, filter);
  } else if (verb == "cuts" && argc == 4) {
    list_cuts(argv[2], std::stoul(argv[3]));
  } else {
    std::fprintf(stderr, "see the head of recording_listing.cpp\n");
    return 2;
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
