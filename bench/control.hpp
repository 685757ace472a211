// SPDX-License-Identifier: BSL-1.0
//
// control: how the processes of one measurement agree, apart from what is measured: who is ready, what was
// received, when to give up, and what came out. It lies in shared memory of its own.
//
// Who may use it: the transports' loops; the benchmark's main process, which alone starts and ends processes.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

/// The time stamp counter, the same for all cores.
inline std::uint64_t stamp() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}
/// The same after everything before it is done: loads do not wait for each other, nor the counter for them.
inline std::uint64_t stamp_after() {
#if defined(__x86_64__)
  _mm_lfence();
#endif
  return stamp();
}
/// Its rate, measured once.
double stamps_per_ns();
/// What stamp_after() and stamp_after() again differ by when nothing lies between, on average; measured once.
/// Every time is less this.
double clock_itself();
/// What the counter grows by when it does: some count in steps of 10 ns. Measured once.
double clock_step();

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

inline void spin_ns(std::uint64_t ns) {
  const std::uint64_t end = stamp() + static_cast<std::uint64_t>(static_cast<double>(ns) * stamps_per_ns());
  while (stamp() < end) pause();
}

/// What a receiver has seen.
struct Tally {
  std::uint64_t received = 0;
  std::uint64_t torn = 0;
  std::uint64_t lost = 0;        // gaps between the numbers
  std::uint64_t disordered = 0;  // a number that is not above the one before
  std::uint64_t failed = 0;      // calls that gave up, of a transport that may
  std::uint64_t most_failed = 0; // of those, in a row
  double seconds = 0;            // from the first message to the last
};

/// Durations in time stamps, as they came.
class Samples {
 public:
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

class Control {
 public:
  static constexpr int most_receivers = 8;

  /// In shared memory, for the life of the process.
  static Control& make();

  // What the loops call.
  void ready() {
    ready_.value.fetch_add(1);
  }
  /// Waits until all receivers are ready.
  void begin() {
    while (ready_.value.load() < receivers_) breathe();
    spin_ns(1'000'000);
  }
  /// To be called wherever a loop waits: ends this process when the measurement takes too long.
  void breathe() {
    pause();
    if (++breaths_ % 1024 == 0 && stamp() > deadline_) give_up("took too long");
  }
  void acknowledge(int receiver, std::uint64_t number) {
    received_[static_cast<std::size_t>(receiver)].value.store(number, std::memory_order_release);
  }
  std::uint64_t received(int receiver) const {
    return received_[static_cast<std::size_t>(receiver)].value.load(std::memory_order_acquire);
  }
  void finished(std::uint64_t sent) {
    sent_ = sent;
    done_.value.store(1, std::memory_order_release);
  }
  bool done() const {
    return done_.value.load(std::memory_order_acquire) != 0;
  }
  void report(int receiver, const Tally& tally) {
    tallies_[static_cast<std::size_t>(receiver)] = tally;
  }
  /// Ends this process; `why` is told in the report.
  [[noreturn]] void give_up(const char* why);

  // What the main process calls.
  using Body = std::function<void()>;
  /// Runs the sender on core 0 and the receivers on core 1, each in a process of its own, until all have ended.
  /// Errors: throws std::runtime_error with the reason if one of them did not end well.
  void run(const Body& sender, std::span<const Body> receivers, std::chrono::seconds limit);

  std::uint64_t sent() const {
    return sent_;
  }
  const Tally& tally(int receiver) const {
    return tallies_[static_cast<std::size_t>(receiver)];
  }

  Samples times; // of messages
  Samples costs; // of the sender

 private:
  struct alignas(128) Line {
    std::atomic<std::uint64_t> value{0};
  };

  Line ready_;
  Line done_;
  std::array<Line, most_receivers> received_;
  std::array<Tally, most_receivers> tallies_{};
  std::uint64_t receivers_ = 0;
  std::uint64_t deadline_ = 0;
  std::uint64_t sent_ = 0;
  // Of this process alone: a line that both sides count in would travel while they wait for a message.
  static inline std::uint64_t breaths_ = 0;
  std::array<char, 256> failure_{};
};

/// A name that no other measurement has, for what the operating system knows by name.
std::string unique_name();

/// Keeps this process on one core.
void pin(int core);

} // namespace bench
