// SPDX-License-Identifier: BSL-1.0
//
// recording_seeds FOLDER: makes small recordings for recording_fuzz to begin with. Their CRCs are 0, which
// means that they were not computed, so that changes come through.
#include "recording.hpp"
#include "support/recording_memory.hpp"

#include <filesystem>
#include <fstream>

using namespace seqcast::recording;

namespace {

std::vector<std::byte> make(Compression compression, bool finished, bool json) {
  auto memory = std::make_shared<std::vector<std::byte>>();
  WriterOptions options;
  options.compression = compression;
  Writer writer{std::make_unique<test::MemorySink>(memory), options};
  RecordedChannel channel;
  channel.location = seqcast::shared_memory("a");
  channel.schema = seqcast::Schema::stored("b", "T{<d:c:}");
  channel.timestamps = true;
  channel.encoding = json ? Encoding::json : Encoding::raw;
  if (json) channel.json_schema = "{}";
  channel.before = 2;
  const std::uint16_t one = writer.add(channel);
  channel.location = seqcast::file("/d");
  const std::uint16_t two = writer.add(channel);
  Chunk chunk;
  for (std::uint64_t i = 3; i < 9; ++i) {
    const Time time{std::chrono::nanoseconds{i}};
    const std::string text(i, 'x');
    chunk.add(one, i * i, {i / 5, 1}, time, time, std::as_bytes(std::span{text}));
    if (i % 2 == 0) chunk.add(two, i + (i << 32), {1, 1}, time, time, {});
    if (i % 3 != 2) continue;
    writer.write(chunk);
    chunk.clear();
  }
  writer.add_metadata({"e", {{"f", "g"}}});
  if (finished) writer.finish();
  return *memory;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::filesystem::create_directories(argv[1]);
  int number = 0;
  for (const Compression compression : {Compression::none, Compression::zstd}) {
    for (const bool finished : {true, false}) {
      for (const bool json : {true, false}) {
        std::vector<std::byte> bytes = make(compression, finished, json);
        if (finished) test::forget_crcs(bytes);
        std::ofstream out{argv[1] + ("/" + std::to_string(number++)), std::ios::binary};
        out.write(static_cast<const char*>(static_cast<const void*>(bytes.data())),
                  static_cast<std::streamsize>(bytes.size()));
      }
    }
  }
}
