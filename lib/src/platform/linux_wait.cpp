// SPDX-License-Identifier: BSL-1.0
//
// linux_wait: sleeping and waking across processes, by shared futexes (futex(2), futex_waitv(2)). The private
// kind, which std::atomic::wait() uses, does not leave the process.
#include "linux.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <ctime>
#include <optional>

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

namespace {

using clock = std::chrono::steady_clock;

// Where the kernel cannot sleep on several words at once (before 5.16), or not on so many.
constexpr auto blind_sleep = std::chrono::milliseconds{1};

struct timespec to_timespec(std::chrono::nanoseconds time) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
}

// An absolute time, so that a signal in between does not lengthen the sleep.
struct timespec absolute(clock::time_point deadline) noexcept {
  return to_timespec(deadline.time_since_epoch());
}

bool sleep_on_one(const SleepOn& sleep, clock::time_point deadline) noexcept {
  const struct timespec until = absolute(deadline);
  const long result = ::syscall(SYS_futex, sleep.word, FUTEX_WAIT_BITSET, sleep.expected, &until, nullptr,
                                FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno == EAGAIN;
}

void sleep_until(clock::time_point deadline) noexcept {
  const struct timespec until = absolute(deadline);
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

#if defined(SYS_futex_waitv) && defined(FUTEX_WAITV_MAX)
// Gives nothing if it cannot be done.
std::optional<bool> sleep_on_many(std::span<const SleepOn> words, clock::time_point deadline) noexcept {
  std::array<struct futex_waitv, FUTEX_WAITV_MAX> waiters{};
  if (words.size() > waiters.size()) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i) {
    waiters[i].val = words[i].expected;
    waiters[i].uaddr = static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(words[i].word));
    waiters[i].flags = FUTEX_32;
  }
  const struct timespec until = absolute(deadline);
  const long result = ::syscall(SYS_futex_waitv, waiters.data(), words.size(), 0, &until, CLOCK_MONOTONIC);
  if (result < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM)) return std::nullopt;
  return result >= 0 || errno == EAGAIN;
}
#else
std::optional<bool> sleep_on_many(std::span<const SleepOn>, clock::time_point) noexcept {
  return std::nullopt;
}
#endif

} // namespace

bool sleep_on(std::span<const SleepOn> words, clock::time_point deadline) noexcept {
  if (words.empty()) {
    sleep_until(deadline);
    return false;
  }
  if (words.size() == 1) return sleep_on_one(words.front(), deadline);
  if (const auto woken = sleep_on_many(words, deadline)) return *woken;
  return sleep_on_one(words.front(), std::min(deadline, clock::now() + blind_sleep));
}

// The kernel finds the file behind a word by itself.
MappedWords::~MappedWords() = default;

MappedWords MappedWords::announce(const Handle&, const void*, std::uint64_t, std::error_code&) {
  return {};
}

Signal Signal::make(std::error_code& error) {
  Signal signal;
  signal.handle_ = Handle{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!signal.handle_) error = last_error();
  return signal;
}

int Signal::id() const noexcept {
  return handle_.id();
}

void Signal::set() noexcept {
  constexpr std::uint64_t one = 1;
  // Fails only if the counter is at its end; then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(id(), &one, sizeof one);
}

void Signal::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(id(), &count, sizeof count);
}

void wake_all(const std::uint32_t* word) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

bool stop_callbacks_end() noexcept {
  return true;
}

} // namespace seqcast::inline v1::detail::platform
