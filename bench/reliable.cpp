// SPDX-License-Identifier: BSL-1.0
//
// reliable: reliable subscribers. How many messages a publisher that does not pause brings to them, beside two
// lossless queues with one receiver; and how long publish() waits for a subscriber that was killed or stopped.
//
//     ./bench/run reliable [--quick] [--rounds 5] [--size 8,48,...] [--soak SECONDS]
//
// Throughput: with one subscriber each transport has rings of several sizes, since where the sender waits a small
// ring, which stays in the caches, can be the best one. A ring of seqcast has a power of two of slots, and the
// queues beside it have as many bytes. 2 and 8 subscribers sleep when there is no message, as they share the
// processors that the publisher leaves. A figure is the median of the rounds, in each of which everything is
// measured once, in turn. Machines differ from one minute to the next: compare figures of one run only.
//
// Invariants
//   1. A measurement in which a message was lost, torn or disordered, or in which a subscriber was demoted, ends the
//      program with an error.
#include "machine.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "temporary_channel.hpp"
#include "transports/all.hpp"

#include <seqcast/seqcast.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

namespace bench {
namespace {

using namespace std::chrono_literals;

struct Options {
  bool quick = false;
  int rounds = 5;
  std::vector<std::size_t> only_sizes{8, 48, 1024, 4096, 65536};
  double soak_seconds = 0;
};

/// Bytes of the rings that are measured: of 8 slots, 16 ..., from 8 KiB to a little more than 8 MiB.
std::vector<std::size_t> rings_of(std::size_t size) {
  std::vector<std::size_t> rings;
  for (std::size_t slots = 8; slots * default_slot_bytes(size) <= 9 << 20; slots *= 2) {
    if (slots * default_slot_bytes(size) >= 1 << 13) rings.push_back(slots * default_slot_bytes(size));
  }
  return rings;
}

/// One line of the results.
struct Row {
  const Transport* transport;
  Setting setting;
  int receivers = 1;
  std::vector<double> rates; // million messages a second, to each receiver

  double median() const {
    return spread_of(rates).median;
  }
};

/// What one measurement gave.
struct Run {
  std::uint64_t messages = 0;
  double rate = 0; // million a second
};

/// Errors: throws std::runtime_error, also where something was lost.
Run run_once(const Row& row, double seconds) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  std::vector<int> cpus{0};
  for (int i = 0; i < row.receivers; ++i) cpus.push_back(1 + i % (cores - 1));
  const SharedRegion region{sizeof(Control)};
  Control& control = Control::make_in(region, cpus);
  row.transport->run(row.setting,
                     {.scenario = Scenario::flat_out, .seconds = seconds, .receivers = row.receivers}, control);
  double longest = 0;
  for (int i = 0; i < row.receivers; ++i) {
    const Counts& counts = control.counts(i);
    if (counts.lost + counts.torn + counts.disordered > 0 || counts.received != control.sent()) {
      throw std::runtime_error{
          fmt::format("{}, {} B: of {} messages {} were received; {} lost, {} torn, {} disordered",
                      row.transport->about.name, row.setting.size, control.sent(), counts.received, counts.lost,
                      counts.torn, counts.disordered)};
    }
    longest = std::max(longest, counts.seconds);
  }
  return {control.sent(), static_cast<double>(control.sent()) / longest * 1e-6};
}

// Throughput

std::string bytes_name(std::size_t bytes) {
  const double kib = static_cast<double>(bytes) / 1024;
  return kib >= 1024 ? fmt::format("{:.3g} MiB", kib / 1024) : fmt::format("{:.3g} KiB", kib);
}

class Throughput {
 public:
  explicit Throughput(const Options& options) {
    for (const std::size_t size : options.only_sizes) {
      const std::vector<std::size_t> rings = rings_of(size);
      for (std::size_t i = 0; i < rings.size(); ++i) {
        for (const Transport* transport : rivals) add(transport, size, rings[i], 1);
        // These take long: every second ring.
        if ((rings.size() - i) % 2 == 0) continue;
        for (const int receivers : {2, 8}) add(&seqcast_reliable, size, rings[i], receivers);
      }
    }
    for (int round = 0; round < options.rounds; ++round) {
      for (Row& row : rows_) row.rates.push_back(run_once(row, options.quick ? 0.05 : 0.1).rate);
    }
  }

  void print(const Options& options) const {
    for (const std::size_t size : options.only_sizes) {
      fmt::print("\n{} B, million messages a second\n  {:<10}", size, "ring");
      for (const Transport* transport : rivals) fmt::print("{:>25}", transport->about.name);
      fmt::print("{:>25}{:>25}\n", "2 subscribers", "8 subscribers");
      for (const std::size_t ring : rings_of(size)) {
        fmt::print("  {:<10}", bytes_name(ring));
        for (const Transport* transport : rivals) print_cell(find(transport, size, ring, 1));
        for (const int receivers : {2, 8}) print_cell(find(&seqcast_reliable, size, ring, receivers));
        fmt::print("\n");
      }
      const Row& own = best(&seqcast_reliable, size);
      const Row& lamport = best(&lamport_queue, size);
      const Row& boost = best(&spsc_queue, size);
      const Row& rival = boost.median() > lamport.median() ? boost : lamport;
      const double ratio = own.median() / rival.median();
      fmt::print("  {}: {:.2f} of the better queue >= 1, each in its best ring: {} and {}\n",
                 ratio >= 1 ? "met" : "MISSED", ratio, bytes_name(own.setting.ring_bytes),
                 bytes_name(rival.setting.ring_bytes));
      const Spread equal = spread_of(equal_ratios(size));
      fmt::print("  in rings of equal bytes, one measured right after the other: {:.2f} ({:.2f}..{:.2f})\n",
                 equal.median, equal.min, equal.max);
    }
  }

 private:
  static constexpr std::array rivals{&seqcast_reliable, &lamport_queue, &spsc_queue};

  void add(const Transport* transport, std::size_t size, std::size_t ring, int receivers) {
    const bool own = transport == &seqcast_reliable;
    rows_.push_back({transport,
                     {.size = size, .ring_bytes = ring, .reliable = own, .sleeps = receivers > 1},
                     receivers,
                     {}});
  }
  const Row* find(const Transport* transport, std::size_t size, std::size_t ring, int receivers) const {
    for (const Row& row : rows_) {
      if (row.transport == transport && row.setting.size == size && row.setting.ring_bytes == ring &&
          row.receivers == receivers)
        return &row;
    }
    return nullptr;
  }
  const Row& best(const Transport* transport, std::size_t size) const {
    const Row* found = nullptr;
    for (const Row& row : rows_) {
      if (row.transport != transport || row.setting.size != size || row.receivers > 1) continue;
      if (found == nullptr || row.median() > found->median()) found = &row;
    }
    return *found;
  }
  /// Of each ring: the median over the rounds of the ratio to the better queue.
  std::vector<double> equal_ratios(std::size_t size) const {
    std::vector<double> medians;
    for (const std::size_t ring : rings_of(size)) {
      const Row* const own = find(&seqcast_reliable, size, ring, 1);
      std::vector<double> ratios;
      for (std::size_t round = 0; round < own->rates.size(); ++round) {
        double rival = 0;
        for (const Transport* transport : rivals) {
          if (transport != &seqcast_reliable)
            rival = std::max(rival, find(transport, size, ring, 1)->rates[round]);
        }
        ratios.push_back(own->rates[round] / rival);
      }
      medians.push_back(spread_of(ratios).median);
    }
    return medians;
  }
  static void print_cell(const Row* row) {
    if (row == nullptr) return fmt::print("{:>25}", "");
    const Spread spread = spread_of(row->rates);
    fmt::print("{:>25}", fmt::format("{:.3g} ({:.3g}..{:.3g})", spread.median, spread.min, spread.max));
  }

  std::vector<Row> rows_;
};

// A subscriber that dies or stops

using Message = std::array<std::uint64_t, 6>;
constexpr auto most_blocking = 20ms;

/// ms of the longest and of the second longest publish() from the signal on, until the publisher waits for nobody.
std::pair<double, double> delay_of(int signal) {
  const TemporaryChannel channel;
  seqcast::Publisher<Message> publisher{channel.location(),
                                        {.capacity = 64, .max_blocking_time = most_blocking}};
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin_to_core(1);
    seqcast::Subscriber<Message> subscriber{channel.location(), {.reliable = true}};
    for (;;) (void)subscriber.next();
  }
  while (publisher.reliable_subscribers() == 0) pause();
  for (const std::uint64_t begin = stamp(); ns_since(begin) < 5e6;) publisher.publish({});
  double longest = 0;
  double second = 0;
  ::kill(child, signal);
  while (publisher.reliable_subscribers() > 0) {
    const std::uint64_t begin = stamp();
    publisher.publish({});
    const double time = ns_since(begin) * 1e-6;
    second = std::max(second, std::min(time, longest));
    longest = std::max(longest, time);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return {longest, second};
}

void measure_delays(int repetitions) {
  fmt::print("\nthe longest publish() after a signal to the subscriber, {} times, ms\n  {:<44}{:>9}{:>9}\n",
             repetitions, "", "median", "max");
  for (const int signal : {SIGKILL, SIGSTOP}) {
    std::vector<double> longest;
    std::vector<double> second;
    for (int i = 0; i < repetitions; ++i) {
      const auto [first, next] = delay_of(signal);
      longest.push_back(first);
      second.push_back(next);
    }
    const Spread delay = spread_of(longest);
    const double bound =
        signal == SIGKILL ? 1 : 1 + std::chrono::duration<double, std::milli>{most_blocking}.count();
    const auto late = std::count_if(longest.begin(), longest.end(), [&](double time) { return time > bound; });
    const char* const name = signal == SIGKILL ? "killed" : "stopped, max_blocking_time 20 ms";
    fmt::print("  {:<44}{:>9.3f}{:>9.3f}  {}: {} above {} ms\n", name, delay.median, delay.max,
               late == 0 ? "met" : "MISSED", late, bound);
    fmt::print("  {:<44}{:>9.3f}{:>9.3f}\n", "  the second longest", spread_of(second).median,
               spread_of(second).max);
  }
}

int run(const Options& options) {
  fmt::print("{}\nthe publisher on processor 0, the others on the other {}\n", to_string(this_machine()),
             std::thread::hardware_concurrency() - 1);
  if (options.soak_seconds > 0) {
    const Row row{
        &seqcast_reliable, {.size = 48, .ring_bytes = 1 << 23, .reliable = true, .sleeps = true}, 8, {}};
    const Run soak = run_once(row, options.soak_seconds);
    fmt::print("{} messages of 48 B to each of 8 subscribers, {:.2f} million a second: 0 lost, 0 demoted\n",
               soak.messages, soak.rate);
    return 0;
  }
  fmt::print("medians of {} rounds (smallest..largest); 0 lost, 0 demoted\n", options.rounds);
  const Throughput throughput{options};
  throughput.print(options);
  pin_to_core(0);
  measure_delays(options.quick ? 20 : 100);
  return 0;
}

} // namespace
} // namespace bench

int main(int count, char** arguments) {
  bench::Options options;
  CLI::App program{"Reliable subscribers beside lossless queues, and what one that dies or stops costs."};
  program.add_flag("--quick", options.quick, "Half the time, 1 round");
  program.add_option("--rounds", options.rounds, "How often everything is measured")
      ->check(CLI::Range(1, 1000));
  program.add_option("--size", options.only_sizes, "Message sizes in bytes")
      ->delimiter(',')
      ->check(CLI::IsMember({8, 48, 256, 1024, 4096, 65536, 1048576}));
  program.add_option("--soak", options.soak_seconds, "Only this: 48 B to 8 subscribers, for so many seconds");
  CLI11_PARSE(program, count, arguments);
  if (options.quick) options.rounds = 1;
  if (std::thread::hardware_concurrency() < 2) {
    fmt::print(stderr, "this needs two processors; there is one\n");
    return 1;
  }
  try {
    return bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
