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
  std::uint64_t lost = 0;              // gaps between the numbers
  std::uint64_t disordered = 0;        // a number that is not above the one before
  std::uint64_t failed = 0;            // calls that gave up, of a transport that may
  std::uint64_t max_failed_in_row = 0; // the longest sequence of such calls
  double seconds = 0;                  // from the first message to the last
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
  static constexpr int max_receivers = 8;

  /// Requires: the region has room for a Control and nothing else is in it.
  static Control& make_in(const SharedRegion& region) {
    return *new (region.at(0)) Control;
  }

  // For the loops.

  /// The receiver is ready for the first message.
  void ready() {
    ready_.value.fetch_add(1);
  }
  /// Waits until all receivers are ready.
  void wait_for_receivers() {
    while (ready_.value.load() < receiver_count_) poll_deadline();
    spin_ns(1'000'000);
  }
  /// To be called in each turn of a loop that waits: ends this process when the measurement takes too long.
  void poll_deadline() {
    pause();
    if (++polls_ % 1024 == 0 && stamp() > deadline_) fail("took too long");
  }
  void acknowledge(int receiver, std::uint64_t number) {
    received_[static_cast<std::size_t>(receiver)].value.store(number, std::memory_order_release);
  }
  std::uint64_t received(int receiver) const {
    return received_[static_cast<std::size_t>(receiver)].value.load(std::memory_order_acquire);
  }
  void sender_finished(std::uint64_t sent) {
    sent_ = sent;
    sender_finished_.value.store(1, std::memory_order_release);
  }
  bool has_sender_finished() const {
    return sender_finished_.value.load(std::memory_order_acquire) != 0;
  }
  void report(int receiver, const Counts& counts) {
    counts_[static_cast<std::size_t>(receiver)] = counts;
  }
  /// Ends this process; run() throws with that reason.
  [[noreturn]] void fail(const char* reason);

  // For the main process.

  using Body = std::function<void()>;
  /// Runs the sender on core 0 and the receivers on core 1, each in a process of its own, until all have ended.
  /// Errors: throws std::runtime_error with the reason if one of them failed or was killed.
  void run(const Body& sender, std::span<const Body> receivers, std::chrono::seconds limit);

  std::uint64_t sent() const {
    return sent_;
  }
  const Counts& counts(int receiver) const {
    return counts_[static_cast<std::size_t>(receiver)];
  }

  Samples latencies;  // of messages
  Samples send_times; // of the sender's calls

 private:
  Control() = default;

  IsolatedNumber ready_;
  IsolatedNumber sender_finished_;
  std::array<IsolatedNumber, max_receivers> received_;
  std::array<Counts, max_receivers> counts_{};
  std::uint64_t receiver_count_ = 0;
  std::uint64_t deadline_ = 0;
  std::uint64_t sent_ = 0;
  // One for each process: a shared one would move between the cores while they wait for a message.
  static inline std::uint64_t polls_ = 0;
  std::array<char, 256> failure_{};
};

} // namespace bench
