// SPDX-License-Identifier: BSL-1.0
//
// long_sleeps: tests of waiting whose verdict does not depend on time. A sleep of the library's ends after
// 100 ms, so a lost wake-up is made good soon, and a busy machine can stop a thread for as long. While a
// LongSleeps lives, such a sleep lasts until it is woken, and one that is not is counted. The clock's readings
// and the lock's queries are counted too: they show how often a loop goes round.
//
// Who may use it: one file of a program, since it has a syscall(), a clock_gettime() and an fcntl() of its own,
// which the library calls in place of the C library's. A forked child inherits the LongSleeps, with counts of
// its own.
//
// Invariants
//   1. The first, short sleep of a wait keeps its length: it is a part of the protocol (decision 0001).
//   2. Elsewhere than on Linux sleeps stay as they are, and nothing is counted.
#pragma once

#include "support/waiting.hpp"

#if defined(__linux__)
#include <bit>
#include <cerrno>
#include <cstdarg>

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

namespace test {

/// This thread's.
inline thread_local std::uint64_t clock_readings = 0;
inline thread_local std::uint64_t lock_queries = 0;

class LongSleeps {
 public:
  LongSleeps() noexcept {
    current = this;
  }
  LongSleeps(const LongSleeps&) = delete;
  ~LongSleeps() {
    current = nullptr;
  }

  /// Sleeps that have become long ones.
  std::uint64_t begun() const noexcept {
    return begun_;
  }
  /// Those that nobody ended within `long_timeout`.
  std::uint64_t lost() const noexcept {
    return lost_;
  }

#if defined(__linux__)
  /// The futex call `real`, which sleeps until `until` at most.
  template <class Real>
  static long sleep(const struct timespec& until, const Real& real) {
    const auto time = std::chrono::seconds{until.tv_sec} + std::chrono::nanoseconds{until.tv_nsec};
    const auto now = steady::now().time_since_epoch();
    LongSleeps* const sleeps = current;
    if (sleeps == nullptr || time - now < 20ms) return real(until);
    ++sleeps->begun_;
    const auto late = std::chrono::duration_cast<std::chrono::seconds>(now + long_timeout);
    const long result = real({.tv_sec = late.count() + 1, .tv_nsec = 0});
    if (result < 0 && errno == ETIMEDOUT) ++sleeps->lost_;
    return result;
  }
#endif

 private:
  inline static std::atomic<LongSleeps*> current{nullptr};

  std::atomic<std::uint64_t> begun_{0};
  std::atomic<std::uint64_t> lost_{0};
};

} // namespace test

#if defined(__linux__)

extern "C" long syscall(long number, ...) noexcept {
  static const auto real = std::bit_cast<long (*)(long, ...)>(::dlsym(RTLD_NEXT, "syscall"));
  std::va_list list;
  va_start(list, number);
  long of[6]{};
  for (std::size_t i = 0; i < 5; ++i) of[i] = va_arg(list, long);
  bool sleeps = number == SYS_futex && of[1] == FUTEX_WAIT_BITSET;
  if (sleeps) of[5] = va_arg(list, long); // nobody else passes a sixth, and it would be read from the stack
  va_end(list);
#if defined(SYS_futex_waitv)
  sleeps = sleeps || number == SYS_futex_waitv;
#endif
  if (!sleeps) return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
  return test::LongSleeps::sleep(*std::bit_cast<const struct timespec*>(of[3]), [&](struct timespec until) {
    return real(number, of[0], of[1], of[2], &until, of[4], of[5]);
  });
}

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static const auto real =
      std::bit_cast<int (*)(clockid_t, struct timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  ++test::clock_readings;
  return real(clock, time);
}

extern "C" int fcntl(int file, int command, ...) {
  static const auto real = std::bit_cast<int (*)(int, int, ...)>(::dlsym(RTLD_NEXT, "fcntl"));
  std::va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  if (command == F_OFD_GETLK) ++test::lock_queries;
  return real(file, command, argument);
}

#endif
