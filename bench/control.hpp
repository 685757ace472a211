// SPDX-License-Identifier: BSL-1.0
//
// control: how the processes of one measurement agree, apart from what is measured: which receivers are ready,
// what was received, when the measurement is aborted, and the results. It lies in shared memory of its own.
//
// Who may use it: the loops of transport.hpp and limits.cpp, in the measuring processes. Only the main process
// calls run() and what is declared after it.
//
// Invariants
//   1. A process that run() starts never returns from it: it ends by _exit(). So what was made before run() is
//      destroyed once, by the main process.
#pragma once

#include "clock.hpp"
#include "shared_region.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <span>

namespace bench {

/// What one receiver counted.
struct Counts {
  std::uint64_t received = 0;
  std::uint64_t torn = 0;
  std::uint64_t lost = 0;       // gaps between the numbers
  std::uint64_t disordered = 0; // a number that is not above the one before
  std::uint64_t cpu_ns = 0;     // processor time of the receiving process
  double seconds = 0;           // from the first message to the last
};

/// Durations in stamps, in the order in which they were measured.
class Samples {
 public:
  /// Without effect once there are 65536 samples.
  void add(std::uint64_t value) {
    if (count_ < values_.size()) values_[count_++] = value;
  }
  std::span<const std::uint64_t> get() const {
    return {values_.data(), count_};
  }
  void clear() {
    count_ = 0;
  }

 private:
  std::size_t count_ = 0;
  std::array<std::uint64_t, 1 << 16> values_{};
};

/// An atomic number that shares no cache line with anything, nor a pair of lines that is fetched together.
struct alignas(128) IsolatedNumber {
  std::atomic<std::uint64_t> value{0};
};

class Control {
 public:
  static constexpr int max_receivers = 64;

  /// `cpus`: the sender's, then one for each receiver. Requires: at least two of them; the region has room for a
  /// Control and nothing else is in it.
  static Control& make_in(const SharedRegion& region, std::span<const int> cpus) {
    return *new (region.at(0)) Control{cpus};
  }

  // For the loops.

  /// The receiver is ready for the first message.
  void ready() {
    ready_.value.fetch_add(1);
    restart_cpu_time();
  }
  /// Waits until all receivers are ready.
  void wait_for_receivers() {
    while (ready_.value.load() < receiver_count_) poll_deadline();
    spin_ns(1'000'000);
    restart_cpu_time();
  }
  /// To be called in each turn of a loop that waits: ends this process when the measurement takes too long. It
  /// does not pause.
  void poll_deadline() {
    if (++polls_ % 4096 == 0 && stamp() > deadline_) fail("took too long");
  }
  /// Processor time of this process since the last restart; at first since it was ready.
  std::uint64_t cpu_time_ns() const {
    return process_cpu_time_ns() - cpu_begin_;
  }
  void restart_cpu_time() {
    cpu_begin_ = process_cpu_time_ns();
  }
  void acknowledge(int receiver, std::uint64_t number) {
    received_[static_cast<std::size_t>(receiver)].value.store(number, std::memory_order_release);
  }
  std::uint64_t received(int receiver) const {
    return received_[static_cast<std::size_t>(receiver)].value.load(std::memory_order_acquire);
  }
  void sender_finished(std::uint64_t sent) {
    sent_ = sent;
    sender_cpu_ns_ = cpu_time_ns();
    sender_finished_.value.store(1, std::memory_order_release);
  }
  bool has_sender_finished() const {
    return sender_finished_.value.load(std::memory_order_acquire) != 0;
  }
  /// With this process' time, unless it is in the counts already.
  void report(int receiver, const Counts& counts) {
    Counts& reported = counts_[static_cast<std::size_t>(receiver)];
    reported = counts;
    if (reported.cpu_ns == 0) reported.cpu_ns = cpu_time_ns();
  }
  /// Ends this process; run() throws with that reason.
  [[noreturn]] void fail(const char* reason);

  // For the main process.

  using Body = std::function<void()>;
  /// Runs the sender and the receivers, each in a process of its own and on its processor, until all have ended.
  /// Errors: throws std::runtime_error with the reason if one of them failed or was killed.
  void run(const Body& sender, std::span<const Body> receivers, std::chrono::seconds limit);

  std::uint64_t sent() const {
    return sent_;
  }
  std::uint64_t sender_cpu_ns() const {
    return sender_cpu_ns_;
  }
  const Counts& counts(int receiver) const {
    return counts_[static_cast<std::size_t>(receiver)];
  }

  Samples latencies;  // of messages
  Samples send_times; // of the sender's calls

 private:
  explicit Control(std::span<const int> cpus);
  static std::uint64_t process_cpu_time_ns();

  IsolatedNumber ready_;
  IsolatedNumber sender_finished_;
  std::array<IsolatedNumber, max_receivers> received_;
  std::array<Counts, max_receivers> counts_{};
  std::uint64_t receiver_count_ = 0;
  std::uint64_t deadline_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t sender_cpu_ns_ = 0;
  std::array<int, 1 + max_receivers> cpus_{};
  // One for each process: a shared one would move between the cores while they wait for a message.
  static inline std::uint64_t polls_ = 0;
  static inline std::uint64_t cpu_begin_ = 0;
  std::array<char, 256> failure_{};
};

} // namespace bench
