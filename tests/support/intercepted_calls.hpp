// SPDX-License-Identifier: BSL-1.0
//
// intercepted_calls: the library's sleeps, wake-ups, queries of the lock and readings of the clock, so that a test
// of waiting can act at any of them and count them, and its verdict does not depend on time.
//
// Who may use it: one file of a program, since it has a syscall(), a clock_gettime() and an fcntl() of its own,
// which the library calls in place of the C library's. A forked child inherits the hooks, with counts of its own.
//
// Invariants
//   1. Without hooks every call does what the C library's does.
//   2. Elsewhere than on Linux nothing is intercepted or counted.
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
/// Calls that wake who sleeps on a word.
inline std::atomic<std::uint64_t> wakes{0};

enum class Place { before_sleep, after_sleep, clock, before_query, after_query };

/// What happens at the calls of any thread, while Installed.
class Hooks {
 public:
  Hooks(const Hooks&) = delete;

  /// Before a sleep, which lasts until `end` at most; that can be changed. Gives whether it counts if nobody ends
  /// it before.
  virtual bool begin_sleep(steady::time_point& end) = 0;
  /// At every other place.
  virtual void pass(Place) {}

  /// Sleeps that count, and that nobody ended before their time.
  std::atomic<std::uint64_t> timed_out{0};

  inline static std::atomic<Hooks*> installed{nullptr};

 protected:
  Hooks() = default;
  ~Hooks() = default;
};

/// Installs hooks until its destructor.
struct Installed {
  explicit Installed(Hooks& hooks) noexcept {
    Hooks::installed = &hooks;
  }
  Installed(const Installed&) = delete;
  ~Installed() {
    Hooks::installed = nullptr;
  }
};

/// A sleep of the library's ends after 100 ms, so a lost wake-up is made good soon, and a busy machine can stop a
/// thread for as long. While a LongSleeps lives, such a sleep lasts until it is woken, and one that is not is
/// counted. The first, short sleep of a wait keeps its length: it is a part of the protocol (decision 0001).
class LongSleeps final : Hooks {
 public:
  /// Sleeps that have become long ones.
  std::uint64_t begun() const noexcept {
    return begun_;
  }
  /// Those that nobody ended within `long_timeout`.
  std::uint64_t lost() const noexcept {
    return timed_out;
  }

 private:
  bool begin_sleep(steady::time_point& end) override {
    const auto now = steady::now();
    if (end - now < 20ms) return false;
    ++begun_;
    end = now + long_timeout;
    return true;
  }

  std::atomic<std::uint64_t> begun_{0};
  Installed installed_{*this};
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
  if (number == SYS_futex && of[1] == FUTEX_WAKE) ++test::wakes;
  test::Hooks* const hooks = sleeps ? test::Hooks::installed.load() : nullptr;
  if (hooks == nullptr) return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);

  struct timespec until = *std::bit_cast<const struct timespec*>(of[3]);
  test::steady::time_point end{std::chrono::seconds{until.tv_sec} + std::chrono::nanoseconds{until.tv_nsec}};
  const bool counts = hooks->begin_sleep(end);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(end.time_since_epoch());
  until = {.tv_sec = seconds.count(), .tv_nsec = (end.time_since_epoch() - seconds).count()};
  const long result = real(number, of[0], of[1], of[2], &until, of[4], of[5]);
  const int error = errno;
  if (counts && result < 0 && error == ETIMEDOUT) ++hooks->timed_out;
  hooks->pass(test::Place::after_sleep);
  errno = error;
  return result;
}

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static const auto real =
      std::bit_cast<int (*)(clockid_t, struct timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  ++test::clock_readings;
  if (test::Hooks* const hooks = test::Hooks::installed; hooks != nullptr) hooks->pass(test::Place::clock);
  return real(clock, time);
}

extern "C" int fcntl(int file, int command, ...) {
  static const auto real = std::bit_cast<int (*)(int, int, ...)>(::dlsym(RTLD_NEXT, "fcntl"));
  std::va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  if (command != F_OFD_GETLK) return real(file, command, argument);
  ++test::lock_queries;
  test::Hooks* const hooks = test::Hooks::installed;
  if (hooks != nullptr) hooks->pass(test::Place::before_query);
  const int result = real(file, command, argument);
  if (hooks != nullptr) hooks->pass(test::Place::after_query);
  return result;
}

#endif
