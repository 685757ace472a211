// SPDX-License-Identifier: BSL-1.0
//
// record: how much 'seqcast record' writes without a loss, and how exactly 'seqcast replay' keeps the times.
//
//     ./bench/run record [--quick] [--disk FOLDER] [--seconds 3]
//
// Throughput: a publisher sends as fast as the recorder takes the messages, since that is a reliable
// subscriber: what it publishes in the time is what can be recorded for ever. The time ends when the file is
// complete and, on a disk, flushed. dd writes as many bytes to the same place, in blocks of 1 MiB, and
// flushes them.
//
// Timing: messages are published every millisecond and recorded; a subscriber of the replay compares the times
// of both publications, by the publishers' stamps. The error is that of the time since the first message.
//
// Invariants
//   1. A recording in which a message is missing ends the program with an error.
#include "machine.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "temporary_channel.hpp"

#include <recording.hpp>
#include <seqcast/seqcast.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr std::uint64_t ring_bytes = 16 << 20;

double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>{steady::now() - begin}.count();
}

/// A file that is removed with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& folder)
      : path_{folder + "/seqcast-bench-" + unique_name() + ".mcap"} {}
  TemporaryFile(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::string& path() const {
    return path_;
  }

 private:
  std::string path_;
};

void wait_until_ended(ChildProcess& child) {
  while (!child.ended()) std::this_thread::sleep_for(1ms);
}

/// Waits until the channel has a reliable subscriber.
void wait_for_subscriber(const seqcast::Location& channel) {
  const seqcast::Inspector inspector{channel};
  for (const auto begin = steady::now(); inspector.reliable_subscribers().empty();) {
    if (steady::now() > begin + 20s)
      throw std::runtime_error{"the recorder did not come: try '" SEQCAST_TOOL " record'"};
    std::this_thread::sleep_for(1ms);
  }
}

struct Rates {
  double messages = 0; // millions a second
  double bytes = 0;    // MB a second, of the messages
  std::uint64_t file_size = 0;
};

/// Of one size. Errors: throws std::runtime_error if something is missing in the recording.
Rates record_once(std::size_t size, const std::string& folder, bool compress, double seconds) {
  const TemporaryChannel channel;
  const TemporaryFile file{folder};
  seqcast::PublisherOptions options;
  options.max_message_size = static_cast<std::uint32_t>(size);
  options.capacity = std::bit_floor(std::max<std::uint64_t>(ring_bytes / size, 8));
  options.max_blocking_time = 60s;
  std::optional<seqcast::BytePublisher> publisher{std::in_place, channel.location(), options};
  std::vector<std::string> arguments{SEQCAST_TOOL, "record",     channel.location().name(), "-o",
                                     file.path(),  "--reliable", "--until-closed"};
  if (compress) arguments.emplace_back("--compress");
  ChildProcess recorder{arguments, {.core = -1, .end_signal = SIGKILL}};
  wait_for_subscriber(channel.location());
  std::vector<std::uint64_t> words(std::max<std::size_t>(size / 8, 1));
  for (std::size_t i = 0; i < words.size(); ++i)
    words[i] = i * i / 3; // as prices or pixels: some of it can be compressed
  const auto begin = steady::now();
  std::uint64_t published = 0;
  while (seconds_since(begin) < seconds) {
    for (int i = 0; i < 16; ++i) {
      words[0] = ++published;
      publisher->publish(std::as_bytes(std::span{words}).first(size));
    }
  }
  publisher.reset();
  wait_until_ended(recorder);
  const double took = seconds_since(begin);
  const seqcast::recording::Recording recording{file.path()};
  if (recording.messages() != published || !recording.complete()) {
    throw std::runtime_error{
        fmt::format("of {} messages of {} B {} are in the recording", published, size, recording.messages())};
  }
  const double count = static_cast<double>(published);
  return {count / took * 1e-6, count * static_cast<double>(size) / took * 1e-6, recording.size()};
}

/// MB a second that dd writes, of a file of this size.
double dd_rate(const std::string& folder, std::uint64_t size) {
  const TemporaryFile file{folder};
  const std::uint64_t blocks = std::max<std::uint64_t>(size >> 20, 1);
  const std::string command =
      fmt::format("dd if=/dev/zero of='{}' bs=1M count={} conv=fdatasync 2>/dev/null", file.path(), blocks);
  const auto begin = steady::now();
  if (std::system(command.c_str()) != 0) throw std::runtime_error{"dd cannot write to " + folder};
  return static_cast<double>(blocks << 20) / seconds_since(begin) * 1e-6;
}

/// One table: a place, with and without compression.
void measure_throughput(const char* what, const std::string& folder, double seconds) {
  fmt::print("\n{}: {}\n  {:>9}{:>12}{:>10}{:>12}{:>10}{:>10}\n", what, folder, "B", "M/s", "MB/s", "M/s, zstd",
             "MB/s", "dd, MB/s");
  for (const std::size_t size : {std::size_t{48}, std::size_t{1} << 10, std::size_t{4} << 10,
                                 std::size_t{64} << 10, std::size_t{1} << 20}) {
    const Rates plain = record_once(size, folder, false, seconds);
    const Rates compressed = record_once(size, folder, true, seconds);
    const double dd = dd_rate(folder, plain.file_size);
    fmt::print("  {:>9}{:>12.3f}{:>10.0f}{:>12.3f}{:>10.0f}{:>10.0f}", size, plain.messages, plain.bytes,
               compressed.messages, compressed.bytes, dd);
    if (size == 48) fmt::print("  {}: >= 5 M/s", plain.messages >= 5 ? "met" : "MISSED");
    if (size == std::size_t{1} << 20) {
      const double part = plain.bytes / dd;
      fmt::print("  {}: {:.2f} of dd >= 0.8", part >= 0.8 ? "met" : "MISSED", part);
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
}

void sleep_until(steady::time_point due) {
  std::this_thread::sleep_until(due - 200us);
  while (steady::now() < due) {
  }
}

/// Replays messages that were published every millisecond.
void measure_timing(const std::string& folder, int count) {
  const std::string name = unique_name();
  const TemporaryFile file{folder};
  const seqcast::Location recorded = seqcast::shared_memory(name);
  const seqcast::Location replayed = seqcast::shared_memory("again-" + name);
  const seqcast::PublisherOptions options{.capacity = 65536,
                                          .max_message_size = 48,
                                          .timestamps = true,
                                          .max_blocking_time = 60s,
                                          .remove_on_close = true};
  {
    seqcast::BytePublisher publisher{recorded, options};
    ChildProcess recorder{{SEQCAST_TOOL, "record", name, "-o", file.path(), "--reliable"},
                          {.core = -1, .end_signal = SIGTERM}};
    wait_for_subscriber(recorded);
    const auto begin = steady::now() + 10ms;
    for (int i = 0; i < count; ++i) {
      sleep_until(begin + i * 1ms);
      publisher.publish(std::array<std::uint64_t, 6>{});
    }
  } // the recorder ends, with all messages
  std::vector<std::int64_t> planned;
  const seqcast::recording::Recording recording{file.path()};
  for (auto cursor = recording.read(); const auto entry = cursor.next();)
    planned.push_back(entry->published_at.value().time_since_epoch().count());
  if (planned.size() != static_cast<std::size_t>(count))
    throw std::runtime_error{"messages are missing in the recording"};
  ChildProcess replay{{SEQCAST_TOOL, "replay", file.path(), "--prefix", "again-"},
                      {.core = -1, .end_signal = SIGKILL}};
  std::vector<double> errors; // us
  std::int64_t first = 0;
  {
    seqcast::ByteSubscriber subscriber{replayed,
                                       {.start = seqcast::StartPosition::oldest, .open_timeout = 20s}};
    for (const auto& message : subscriber.messages()) {
      const std::int64_t at = message.published_at.value().time_since_epoch().count();
      if (errors.empty()) first = at;
      const std::int64_t since = planned[static_cast<std::size_t>(message.sequence) - 1] - planned[0];
      errors.push_back(std::abs(static_cast<double>(at - first - since)) * 1e-3);
    }
  }
  wait_until_ended(replay);
  seqcast::Error ignored;
  seqcast::remove_channel(replayed, ignored);
  if (errors.size() != planned.size()) throw std::runtime_error{"messages are missing in the replay"};
  const double p99 = quantile(errors, 0.99);
  fmt::print(
      "\nReplay of {} messages, one a millisecond: error of the time in us\n  p50 {:.1f}, p99 {:.1f}, max "
      "{:.1f}  "
      "{}: p99 <= 50\n",
      count, quantile(errors, 0.5), p99, quantile(errors, 1), p99 <= 50 ? "met" : "MISSED");
}

} // namespace
} // namespace bench

int main(int argc, char** argv) try {
  CLI::App app{"How much is recorded without a loss, and how exactly it is replayed"};
  bool quick = false;
  app.add_flag("--quick", quick, "Half a minute, less exact");
  double seconds = 3;
  app.add_option("--seconds", seconds, "Time of one measurement")->capture_default_str();
  std::string disk = "/var/tmp";
  app.add_option("--disk", disk, "A folder on a disk, with some GB of space")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (quick) seconds = 0.5;
  fmt::print("{}\n", bench::to_string(bench::this_machine()));
  bench::measure_throughput("tmpfs", "/dev/shm", seconds);
  bench::measure_throughput("disk", disk, seconds);
  bench::measure_timing("/dev/shm", quick ? 2000 : 10000);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "record: {}\n", error.what());
  return 1;
}
