// SPDX-License-Identifier: BSL-1.0
//
// clock: the time stamp counter, which all cores share, and what it costs to read. Every time in bench that is
// shorter than a second is taken with it.
//
// Who may use it: any process and thread.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

/// The time stamp counter. Elsewhere than on x86-64 the nanoseconds of std::chrono::steady_clock.
inline std::uint64_t stamp() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// The time stamp counter, read after every load before it has completed.
inline std::uint64_t stamp_after() {
#if defined(__x86_64__)
  _mm_lfence();
#endif
  return stamp();
}

/// The rate of the counter. Measured on the first call, which takes 50 ms.
double stamps_per_ns();

/// Stamps between two stamp_after() with nothing between them, the mean. It is subtracted from every time.
/// Measured on the first call.
double clock_overhead();

/// The counter's step in stamps: some counters advance by 10 ns at a time. Measured on the first call.
double clock_step();

inline double ns_since(std::uint64_t begin) {
  return static_cast<double>(stamp() - begin) / stamps_per_ns();
}

inline std::uint64_t stamps_of_ns(double ns) {
  return static_cast<std::uint64_t>(ns * stamps_per_ns());
}

/// Lets the other hardware thread of the core run for some cycles.
inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

inline void spin_ns(std::uint64_t ns) {
  const std::uint64_t end = stamp() + stamps_of_ns(static_cast<double>(ns));
  while (stamp() < end) pause();
}

} // namespace bench
