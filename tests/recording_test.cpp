// SPDX-License-Identifier: BSL-1.0
//
// Recordings: what was written comes back, byte for byte and number for number; of a file cut at
// any byte, every whole chunk; and of damaged bytes a clear error. That others read the same is
// checked by recording_judge.sh.
#include "recording.hpp"
#include <doctest/doctest.h>
#include "chunk.hpp"
#include "codec.hpp"
#include "reader.hpp"
#include "support/file_bytes.hpp"
#include "support/recording_memory.hpp"
#include "support/temporary.hpp"
#include "writer.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <set>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Folders that were synced, by their inodes.
static std::vector<ino_t> synced_folders;

/// In place of the C library's.
extern "C" int fsync(int file) {
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) synced_folders.push_back(status.st_ino);
  return static_cast<int>(::syscall(SYS_fsync, file));
}

using namespace seqcast::recording;
using std::chrono::nanoseconds;
using test::MemorySink;
using test::MemorySource;

namespace {

Bytes as_bytes(const std::string& text) {
  return std::as_bytes(std::span{text});
}

std::string text_of(Bytes bytes) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

Time at(std::int64_t ns) {
  return Time{nanoseconds{1'700'000'000'000'000'000 + ns}};
}

/// An entry that owns its bytes.
struct Kept {
  std::uint16_t channel;
  std::uint64_t sequence;
  std::uint64_t lost;
  std::uint64_t epoch;
  std::uint64_t epoch_first;
  std::optional<Time> published_at;
  Time received_at;
  std::string message;

  friend bool operator==(const Kept&, const Kept&) = default;
};

Kept kept(const Entry& entry) {
  return {entry.channel,
          entry.sequence,
          entry.lost,
          entry.epoch.number,
          entry.epoch.first_sequence,
          entry.published_at,
          entry.received_at,
          text_of(entry.message)};
}

std::vector<Kept> all_of(const Recording& recording, Filter filter = {}) {
  std::vector<Kept> entries;
  Cursor cursor = recording.read(std::move(filter));
  while (const auto entry = cursor.next()) entries.push_back(kept(*entry));
  return entries;
}

RecordedChannel quotes(std::uint64_t before = 0) {
  RecordedChannel channel;
  channel.location = seqcast::shared_memory("quotes");
  channel.schema = seqcast::Schema{"acme.Quote{bid:f64,ask:f64}"};
  channel.capacity = 64;
  channel.max_message_size = 16;
  channel.message_alignment = 8;
  channel.timestamps = true;
  channel.before = before;
  return channel;
}

RecordedChannel news(std::uint64_t before = 0) {
  RecordedChannel channel;
  channel.location = seqcast::file("news.dat");
  channel.capacity = 8;
  channel.max_message_size = 1024;
  channel.wakeup = seqcast::Wakeup::polling;
  channel.copy_behind = true;
  channel.gaps = true;
  channel.before = before;
  return channel;
}

/// A recording of two channels in several chunks, with losses, a jump of more than 32 bits and two epochs.
struct Sample {
  std::vector<Kept> entries;
  std::vector<std::uint64_t> chunk_ends; // sizes of the file behind each chunk, without the index behind it
  std::vector<std::size_t> messages;     // up to each chunk
  std::shared_ptr<const std::vector<std::byte>> bytes;
  std::map<std::uint16_t, Account> accounts;
};

Sample make_sample(Compression compression, bool finished = true) {
  Sample sample;
  auto memory = std::make_shared<std::vector<std::byte>>();
  WriterOptions options;
  options.compression = compression;
  options.steady_clock_offset = nanoseconds{-5};
  Writer writer{std::make_unique<MemorySink>(memory), options};
  const std::uint16_t one = writer.add(quotes(10));
  Chunk chunk;
  std::map<std::uint16_t, std::uint64_t> last{{one, 10}};
  std::int64_t now = 0;
  const auto add = [&](std::uint16_t channel, std::uint64_t sequence, const seqcast::Epoch& epoch,
                       const std::string& text) {
    now += 7;
    const bool timed = channel == one;
    const Time published = timed ? at(now - 3) : at(now);
    chunk.add(channel, sequence, epoch, published, at(now), as_bytes(text));
    sample.entries.push_back({channel, sequence, sequence - last[channel] - 1, epoch.number,
                              epoch.first_sequence, timed ? std::optional{published} : std::nullopt, at(now),
                              text});
    last[channel] = sequence;
  };
  const auto write = [&] {
    writer.write(chunk);
    chunk.clear();
    sample.chunk_ends.push_back(memory->size());
    sample.messages.push_back(sample.entries.size());
  };
  add(one, 12, {3, 9}, "0123456789abcdef");
  add(one, 13, {3, 9}, std::string(16, '\0'));
  write();
  const std::uint16_t two = writer.add(news());
  last[two] = 0;
  add(two, 1, {1, 1}, "");
  add(one, 14, {3, 9}, "second chunk....");
  add(two, 2, {1, 1}, "hello");
  add(one, 20, {4, 16}, "another epoch...");
  add(one, 20 + (std::uint64_t{1} << 32), {4, 16}, "far away........");
  add(one, 21 + (std::uint64_t{1} << 32), {4, 16}, "and the next one");
  add(two, 3, {2, 3}, std::string(1000, 'x'));
  write();
  for (std::uint64_t i = 0; i < 50; ++i) {
    add(one, 22 + (std::uint64_t{1} << 32) + 3 * i, {4, 16}, "message of 16 by");
  }
  write();
  writer.add_metadata({"why", {{"trigger", "a test"}}});
  const std::vector<Head> heads{{two, 9}};
  if (finished) writer.finish(heads);
  for (const std::uint16_t channel : {one, two}) sample.accounts[channel] = writer.account(channel);
  sample.bytes = memory;
  return sample;
}

Recording open(const Sample& sample, std::size_t size = ~std::size_t{0}) {
  return Recording{MemorySource::first(*sample.bytes, size)};
}

std::string what_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& failure) {
    CHECK(failure.code() == std::errc::bad_message);
    return failure.what();
  }
  return "nothing";
}

constexpr Compression both[]{Compression::none, Compression::zstd};

} // namespace

TEST_CASE("what was recorded comes back: every byte, sequence, loss, epoch and time") {
  for (const Compression compression : both) {
    CAPTURE(mcap::to_string(compression));
    const Sample sample = make_sample(compression);
    const Recording recording = open(sample);
    CHECK(recording.problem() == "");
    CHECK(all_of(recording) == sample.entries);
    CHECK(recording.messages() == sample.entries.size());
    CHECK(recording.start() == sample.entries.front().received_at);
    CHECK(recording.end() == sample.entries.back().received_at);
    CHECK(recording.steady_clock_offset() == nanoseconds{-5});
    CHECK(recording.compression() == (compression == Compression::zstd ? "zstd" : "none"));
    CHECK((recording.compressed_size() < recording.uncompressed_size()) == (compression == Compression::zstd));
    REQUIRE(recording.metadata().size() == 1);
    CHECK(recording.metadata()[0].values == mcap::TextMap{{"trigger", "a test"}});
  }
}

TEST_CASE("a channel comes back with all it takes to make it anew") {
  const Recording recording = open(make_sample(Compression::none));
  REQUIRE(recording.channels().size() == 2);
  const RecordedChannel& one = recording.channels()[0];
  CHECK(one.topic() == "quotes");
  CHECK(one.location == seqcast::shared_memory("quotes"));
  CHECK(one.schema.text() == "acme.Quote{bid:f64,ask:f64}");
  CHECK(one.capacity == 64);
  CHECK(one.max_message_size == 16);
  CHECK(one.message_alignment == 8);
  CHECK(one.wakeup == seqcast::Wakeup::bell);
  CHECK(one.timestamps);
  CHECK_FALSE(one.copy_behind);
  CHECK_FALSE(one.gaps);
  CHECK(one.before == 10);
  const RecordedChannel& two = recording.channels()[1];
  CHECK(two.topic() == "./news.dat");
  CHECK(two.location == seqcast::file("news.dat"));
  CHECK(two.schema.empty());
  CHECK(two.wakeup == seqcast::Wakeup::polling);
  CHECK_FALSE(two.timestamps);
  CHECK(two.copy_behind);
  CHECK(two.gaps);
  CHECK(recording.channel(two.id) == &two);
  CHECK(recording.channel(99) == nullptr);
}

TEST_CASE("names of any bytes come back, and others get UTF-8") {
  auto memory = std::make_shared<std::vector<std::byte>>();
  Writer writer{std::make_unique<MemorySink>(memory), {}};
  RecordedChannel channel;
  channel.location = seqcast::file("/tmp/\xff/caf\xc3\xa9");
  channel.schema = seqcast::Schema::stored("\xc0\x80", "T{<d:\xfe:}");
  channel.encoding = Encoding::json;
  channel.json_schema = "{}";
  writer.add(channel);
  writer.finish();
  const Recording recording{MemorySource::first(*memory)};
  const RecordedChannel& found = recording.channels().at(0);
  CHECK(found.location == channel.location);
  CHECK(found.schema.name() == channel.schema.name());
  CHECK(found.schema.format() == channel.schema.format());
  CHECK(found.encoding == Encoding::json);
  CHECK(found.json_schema == "{}");
  const mcap::Reader reader{MemorySource::first(*memory)};
  CHECK(reader.channels().at(1).topic == "/tmp/\\377/caf\xc3\xa9");
  CHECK(reader.channels().at(1).message_encoding == "json");
  CHECK(reader.schemas().at(1).name == "\\300\\200");
  CHECK(reader.schemas().at(1).encoding == "jsonschema");
}

TEST_CASE("accounts add up, in a complete file and in one without its end") {
  const std::uint64_t far = std::uint64_t{1} << 32;
  for (const bool finished : {true, false}) {
    CAPTURE(finished);
    const Sample sample = make_sample(Compression::none, finished);
    const Recording recording = open(sample);
    CHECK(recording.complete() == finished);
    const Account one = recording.account(1);
    CHECK(one == Account{10, 56, far + 169 - 10 - 56, far + 169});
    CHECK(recording.account(2) == Account{0, 3, finished ? 6u : 0u, finished ? 9u : 3u});
    CHECK(recording.account(1) == sample.accounts.at(1));
    CHECK(recording.account(2) == sample.accounts.at(2));
    CHECK_THROWS_AS(recording.account(3), std::out_of_range);
    CHECK(all_of(recording) == sample.entries);
  }
}

TEST_CASE("a file cut at any byte gives every message of each whole chunk") {
  for (const Compression compression : both) {
    CAPTURE(mcap::to_string(compression));
    const Sample sample = make_sample(compression);
    const mcap::Reader reader{MemorySource::first(*sample.bytes)};
    std::size_t opened = 0;
    for (std::size_t size = 0; size < sample.bytes->size(); ++size) {
      CAPTURE(size);
      std::optional<Recording> recording;
      try {
        recording.emplace(open(sample, size));
      } catch (const Failure& failure) {
        CHECK(failure.code() == std::errc::bad_message);
        CHECK(size < 100); // magic and header
        continue;
      }
      ++opened;
      std::size_t whole = 0;
      while (whole < 3 && reader.chunks()[whole].offset + reader.chunks()[whole].length <= size) ++whole;
      const std::size_t messages = whole == 0 ? 0 : sample.messages[whole - 1];
      CHECK_FALSE(recording->complete());
      CHECK(recording->readable_size() <= size);
      CHECK(recording->problem().find(std::to_string(recording->readable_size())) != std::string::npos);
      CHECK(recording->messages() == messages);
      const std::vector<Kept> found = all_of(*recording);
      REQUIRE(found.size() == messages);
      CHECK(std::equal(found.begin(), found.end(), sample.entries.begin()));
      for (const RecordedChannel& channel : recording->channels()) {
        const Account account = recording->account(channel.id);
        const auto of_channel = [&](const Kept& entry) { return entry.channel == channel.id; };
        CHECK(account.recorded == static_cast<std::uint64_t>(std::ranges::count_if(found, of_channel)));
        CHECK(account.before + account.recorded + account.lost == account.head);
      }
      const Verdict verdict = verify(MemorySource::first(*sample.bytes, size));
      CHECK_FALSE(verdict.complete);
      CHECK(verdict.fault_count == 0);
      CHECK(verdict.messages == messages);
    }
    CHECK(opened > sample.bytes->size() / 2);
  }
}

TEST_CASE("verify() accepts what was written, and finds every byte that was changed") {
  for (const Compression compression : both) {
    CAPTURE(mcap::to_string(compression));
    const Sample sample = make_sample(compression);
    const Verdict good = verify(MemorySource::first(*sample.bytes));
    CHECK(good.complete);
    CHECK(good.faults == std::vector<std::string>{});
    CHECK(good.chunks == 3);
    CHECK(good.messages == sample.entries.size());
    for (std::size_t i = 0; i < sample.bytes->size(); ++i) {
      CAPTURE(i);
      std::vector<std::byte> bytes = *sample.bytes;
      bytes[i] ^= std::byte{0x10};
      bool noticed = false;
      try {
        const Verdict verdict = verify(MemorySource::first(bytes));
        noticed = !verdict.complete || verdict.fault_count > 0;
      } catch (const Failure&) {
        noticed = true;
      }
      CHECK(noticed);
    }
  }
}

TEST_CASE("verify() compares what the file has twice, also where there are no CRCs") {
  const Sample sample = make_sample(Compression::none);
  std::vector<std::byte> bytes = *sample.bytes;
  test::forget_crcs(bytes);
  CHECK(verify(MemorySource::first(bytes)).faults == std::vector<std::string>{});
  std::map<mcap::Opcode, int> changed;
  test::for_each_record(bytes, [&](mcap::Opcode opcode, std::span<std::byte> content) {
    using enum mcap::Opcode;
    const std::set<mcap::Opcode> said_twice{message_index, chunk_index, statistics, metadata_index,
                                            summary_offset};
    if (!said_twice.contains(opcode)) return;
    for (std::byte& byte : content) {
      CAPTURE(static_cast<int>(opcode));
      CAPTURE(&byte - content.data());
      byte ^= std::byte{1};
      const Verdict verdict = verify(MemorySource::first(bytes));
      CHECK((!verdict.complete || verdict.fault_count > 0));
      byte ^= std::byte{1};
      ++changed[opcode];
    }
  });
  CHECK(changed.size() == 5);
  // A text in an account: "lost" of the second channel is 6.
  std::string text = text_of(bytes);
  const std::size_t place = text.find("lost", text.find("./news.dat", text.find("seqcast.account"))) + 8;
  REQUIRE(text[place] == '6');
  bytes[place] = std::byte{'7'};
  const Verdict verdict = verify(MemorySource::first(bytes));
  REQUIRE(verdict.fault_count == 1);
  CHECK(verdict.faults[0] ==
        "memory: the account of channel 2 is 0 before, 3 recorded, 7 lost, head 9; there are 3 "
        "messages up to message 3");
}

TEST_CASE("reading chooses channels and times") {
  const Sample sample = make_sample(Compression::none);
  const Recording recording = open(sample);
  const auto expected = [&](auto wanted) {
    std::vector<Kept> entries;
    std::ranges::copy_if(sample.entries, std::back_inserter(entries), wanted);
    CHECK(entries.size() > 0);
    CHECK(entries.size() < sample.entries.size());
    return entries;
  };
  CHECK(all_of(recording, {{2}}) == expected([](const Kept& entry) { return entry.channel == 2; }));
  const Time from = sample.entries[3].received_at;
  const Time to = sample.entries[20].received_at;
  CHECK(all_of(recording, {{}, from, to}) ==
        expected([&](const Kept& entry) { return entry.received_at >= from && entry.received_at < to; }));
  CHECK(all_of(recording, {{1}, from}) ==
        expected([&](const Kept& entry) { return entry.channel == 1 && entry.received_at >= from; }));
  CHECK(all_of(recording, {{3}}).empty());
}

TEST_CASE("chunks whose times overlap are merged by time, and stay in order within a channel") {
  auto memory = std::make_shared<std::vector<std::byte>>();
  Writer writer{std::make_unique<MemorySink>(memory), {}};
  const std::uint16_t one = writer.add(quotes());
  const std::uint16_t two = writer.add(news());
  // As a black box writes them: all of one channel, then all of the other.
  Chunk chunk;
  for (const std::uint16_t channel : {one, two}) {
    for (std::int64_t i = 0; i < 100; ++i) {
      chunk.add(channel, static_cast<std::uint64_t>(i + 1), {1, 1}, at(i), at(2 * i + (channel == two ? 1 : 0)),
                as_bytes("0123456789abcdef"));
      if (i % 10 == 9) {
        writer.write(chunk);
        chunk.clear();
      }
    }
  }
  writer.finish();
  const std::vector<Kept> entries = all_of(Recording{MemorySource::first(*memory)});
  REQUIRE(entries.size() == 200);
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(entries[i].channel == (i % 2 == 0 ? one : two));
    CHECK(entries[i].sequence == i / 2 + 1);
    CHECK(entries[i].lost == 0);
  }
}

TEST_CASE("sequences that do not increase are refused, and nothing of them is written") {
  auto memory = std::make_shared<std::vector<std::byte>>();
  Writer writer{std::make_unique<MemorySink>(memory), {}};
  const std::uint16_t id = writer.add(quotes(5));
  Chunk chunk;
  CHECK_THROWS_AS(chunk.add(id, 0, {1, 1}, at(0), at(0), {}), std::invalid_argument);
  chunk.add(id, 7, {1, 1}, at(0), at(0), as_bytes("7"));
  CHECK_THROWS_AS(chunk.add(id, 7, {1, 1}, at(0), at(0), {}), std::invalid_argument);
  CHECK_THROWS_AS(chunk.add(id, 6, {2, 1}, at(0), at(0), {}), std::invalid_argument);
  chunk.add(id, 8, {1, 1}, at(0), at(0), as_bytes("8"));
  writer.write(chunk);
  const std::size_t size = memory->size();
  CHECK_THROWS_AS(writer.write(chunk), std::invalid_argument);
  chunk.clear();
  chunk.add(99, 1, {1, 1}, at(0), at(0), {});
  CHECK_THROWS_AS(writer.write(chunk), std::invalid_argument);
  const std::vector<Head> below{{id, 7}};
  CHECK_THROWS_AS(writer.finish(below), std::invalid_argument);
  CHECK(memory->size() == size);
  writer.finish();
  const std::vector<Kept> entries = all_of(Recording{MemorySource::first(*memory)});
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].sequence == 7);
  CHECK(entries[0].lost == 1);
  CHECK(entries[1].message == "8");
}

TEST_CASE("a full disk leaves a readable file, which can still be finished") {
  for (const bool summary_fits : {true, false}) {
    CAPTURE(summary_fits);
    auto memory = std::make_shared<std::vector<std::byte>>();
    auto sink = std::make_unique<MemorySink>(memory);
    MemorySink& disk = *sink;
    Writer writer{std::move(sink), {}};
    const std::uint16_t id = writer.add(quotes());
    Chunk chunk;
    chunk.add(id, 1, {1, 1}, at(0), at(1), as_bytes("first"));
    writer.write(chunk);
    const std::size_t size = memory->size();
    chunk.clear();
    chunk.add(id, 2, {1, 1}, at(0), at(2), as_bytes(std::string(10'000, 'x')));
    disk.limit(size + (summary_fits ? 5000 : 100));
    for (int i = 0; i < 2; ++i) {
      try {
        writer.write(chunk);
        FAIL("a full disk was not noticed");
      } catch (const Failure& failure) {
        CHECK(failure.code() == std::errc::no_space_on_device);
        CHECK(std::string{failure.what()} == "memory: cannot be written: No space left on device");
      }
    }
    CHECK(memory->size() == size);
    CHECK_THROWS_AS(writer.add(quotes()), Failure);
    const std::vector<Head> heads{{id, 2}};
    if (summary_fits) {
      writer.finish(heads);
    } else {
      CHECK_THROWS_AS(writer.finish(heads), Failure);
    }
    const Recording recording{MemorySource::first(*memory)};
    CHECK(recording.complete() == summary_fits);
    CHECK(all_of(recording).size() == 1);
    CHECK(recording.account(id) == (summary_fits ? Account{0, 1, 1, 2} : Account{0, 1, 0, 1}));
    CHECK(verify(MemorySource::first(*memory)).fault_count == 0);
  }
}

TEST_CASE("files on the disk: one that is there is kept, unless it is to be replaced") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "run.mcap";
  {
    Writer writer{path};
    const std::uint16_t id = writer.add(quotes());
    Chunk chunk;
    chunk.add(id, 1, {1, 1}, at(0), at(1), as_bytes("one"));
    writer.write(chunk);
    writer.sync();
    writer.finish();
    CHECK(writer.size() == std::filesystem::file_size(path));
  }
  const auto code_of = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Failure& failure) {
      CHECK(std::string{failure.what()}.find(".mcap") != std::string::npos);
      return failure.code();
    }
    return std::error_code{};
  };
  CHECK(code_of([&] { Writer{path}; }) == std::errc::file_exists);
  CHECK(all_of(Recording{path}).size() == 1);
  CHECK(verify(path).fault_count == 0);
  WriterOptions replacing;
  replacing.replace = true;
  Writer{path, replacing}.finish();
  CHECK(all_of(Recording{path}).empty());
  CHECK(code_of([&] { Recording{folder / "other.mcap"}; }) == std::errc::no_such_file_or_directory);
  CHECK(code_of([&] { Writer{folder / "no/folder.mcap"}; }) == std::errc::no_such_file_or_directory);
  std::filesystem::create_directory(folder / "folder.mcap");
  CHECK(code_of([&] { Recording{folder / "folder.mcap"}; }) == std::errc::invalid_argument);
}

TEST_CASE("what is no recording is refused with a reason") {
  const auto refusal = [](const std::vector<std::byte>& bytes) {
    return what_of([&] { Recording{MemorySource::first(bytes)}; });
  };
  CHECK(refusal({}) == "memory at byte 0: this is not an MCAP file");
  CHECK(refusal(std::vector<std::byte>(100)) == "memory at byte 0: this is not an MCAP file");
  auto memory = std::make_shared<std::vector<std::byte>>();
  mcap::Writer{std::make_unique<MemorySink>(memory), {"ros2", "other"}}.finish();
  CHECK(refusal(*memory) == "memory is an MCAP file of the profile 'ros2', and not a recording of seqcast");
  memory->clear();
  {
    mcap::Writer writer{std::make_unique<MemorySink>(memory), {"seqcast", "other"}};
    writer.add_channel(0, "topic", "cdr", {});
    writer.finish();
  }
  CHECK(refusal(*memory) == "memory: channel 1 is not described as seqcast does");
  memory->clear();
  {
    mcap::Writer writer{std::make_unique<MemorySink>(memory), {"seqcast", "other"}};
    writer.add_metadata({"seqcast.recording", {{"version", "2"}}});
    writer.finish();
  }
  CHECK(refusal(*memory) == "memory: the recording has version 2, and this seqcast reads version 1");
}

TEST_CASE("a damaged chunk is an error that names its byte, and reading goes on behind it") {
  for (const Compression compression : both) {
    CAPTURE(mcap::to_string(compression));
    const Sample sample = make_sample(compression);
    const mcap::Reader reader{MemorySource::first(*sample.bytes)};
    const mcap::ChunkIndex& second = reader.chunks()[1];
    std::vector<std::byte> bytes = *sample.bytes;
    bytes[second.offset + second.length - 5] ^= std::byte{1};
    const Recording recording{MemorySource::first(bytes)};
    CHECK(recording.complete());
    Cursor cursor = recording.read();
    std::size_t messages = 0;
    while (messages < sample.messages[0]) {
      CHECK(kept(*cursor.next()) == sample.entries[messages]);
      ++messages;
    }
    const std::string what = what_of([&] { cursor.next(); });
    CHECK(what.find("memory at byte " + std::to_string(second.offset)) != std::string::npos);
    std::size_t rest = sample.messages[1];
    while (const auto entry = cursor.next()) CHECK(kept(*entry) == sample.entries.at(rest++));
    CHECK(rest == sample.entries.size());
    CHECK(verify(MemorySource::first(bytes)).fault_count >= 1);
  }
}

TEST_CASE("a chunk is not believed how large it is") {
  auto memory = std::make_shared<std::vector<std::byte>>();
  {
    Writer writer{std::make_unique<MemorySink>(memory), {.compression = Compression::zstd}};
    const std::uint16_t id = writer.add(quotes());
    Chunk chunk;
    chunk.add(id, 1, {1, 1}, at(0), at(1), as_bytes("message"));
    writer.write(chunk);
    writer.finish();
  }
  mcap::Reader reader{MemorySource::first(*memory)};
  // The size before compression, behind opcode, length and two times.
  const std::uint64_t field = reader.chunks()[0].offset + 9 + 16;
  for (const std::uint64_t size : {std::uint64_t{1} << 63, std::uint64_t{3} << 30, std::uint64_t{1} << 20}) {
    CAPTURE(size);
    std::memcpy(memory->data() + field, &size, sizeof size);
    const std::string what = what_of([&] { all_of(Recording{MemorySource::first(*memory)}); });
    CHECK(what.find(std::to_string(size)) != std::string::npos);
    CHECK((what.find("promises") != std::string::npos) == (size == std::uint64_t{3} << 30));
  }
}

TEST_CASE("what is larger than the limits is an error that says so") {
  const Sample sample = make_sample(Compression::zstd);
  const auto refusal = [&](const mcap::Limits& limits) {
    return what_of([&] {
      const Recording recording{MemorySource::first(*sample.bytes), limits};
      Cursor cursor = recording.read();
      while (cursor.next()) continue;
    });
  };
  CHECK(refusal({10'000, 10'000, 10'000}) == "nothing");
  // Stored it has less, since zstd shortens it.
  CHECK(refusal({1000, 10'000, 10'000}).ends_with("bytes, and at most 1000 are read"));
  CHECK(refusal({50, 10'000, 10'000}).ends_with("bytes, and at most 50 are read"));
  const Recording recording{MemorySource::first(*sample.bytes), {10'000, 10'000, 100}};
  CHECK(recording.problem().ends_with("bytes, and at most 100 are read"));
  CHECK(all_of(recording) == sample.entries);
}

TEST_CASE("random damage ends in an error or in messages, in bounded time and memory") {
  const Sample sample = make_sample(Compression::none);
  std::minstd_rand random{1};
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::byte> bytes = *sample.bytes;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    try {
      Recording recording{MemorySource::first(bytes)};
      Cursor cursor = recording.read();
      for (std::size_t steps = 0; steps < 1000; ++steps) {
        try {
          if (!cursor.next()) break;
        } catch (const Failure&) {
          continue;
        }
        REQUIRE(steps < 999);
      }
    } catch (const Failure& failure) {
      CHECK(std::string{failure.what()}.starts_with("memory"));
    }
  }
}

TEST_CASE("the first sync of a file syncs its folder, so that its name survives a power cut") {
  const test::TemporaryFolder folder;
  struct stat status {};
  REQUIRE(::stat((folder / "").c_str(), &status) == 0);
  synced_folders.clear();
  const auto sink = mcap::create_file(folder / "run.mcap", false);
  CHECK(synced_folders.empty());
  sink->sync();
  CHECK(synced_folders == std::vector{status.st_ino});
  sink->sync();
  CHECK(synced_folders.size() == 1);
}

TEST_CASE("CRCs of parts combine to that of the whole") {
  std::string text = "123456789";
  CHECK(mcap::crc32(0, as_bytes(text)) == 0xCBF43926);
  CHECK(mcap::crc32(0, {}) == 0);
  CHECK(mcap::crc32(7, {}) == 7);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::uint32_t first = mcap::crc32(0, as_bytes(text.substr(0, cut)));
    const std::uint32_t second = mcap::crc32(0, as_bytes(text.substr(cut)));
    CHECK(mcap::crc32_combine(first, second, text.size() - cut) == 0xCBF43926);
  }
  // Long ones are summed by other instructions than short ones.
  text.resize(1000);
  std::minstd_rand random{3};
  std::ranges::generate(text, [&] { return static_cast<char>(random()); });
  for (std::size_t size = 0; size < text.size(); ++size) {
    const std::size_t begin = random() % (text.size() - size);
    const Bytes bytes = as_bytes(text).subspan(begin, size);
    std::uint32_t bit_by_bit = ~std::uint32_t{5};
    for (const std::byte byte : bytes) {
      bit_by_bit ^= static_cast<std::uint32_t>(byte);
      for (int bit = 0; bit < 8; ++bit) bit_by_bit = bit_by_bit >> 1 ^ (0xEDB88320 & (0 - (bit_by_bit & 1)));
    }
    CHECK(mcap::crc32(5, bytes) == ~bit_by_bit);
  }
}
