// SPDX-License-Identifier: BSL-1.0
//
// linux_wait: sleeping and waking across processes, by shared futexes (futex(2), futex_waitv(2)), and the
// eventfd for event loops. Private futexes, which std::atomic::wait() uses, do not work across processes.
#include "platform.hpp"

#include <bit>
#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seqcast::inline v1::detail::platform {

namespace {

// The time is absolute, so that a signal in between does not lengthen the sleep.
struct timespec to_timespec(clock::time_point deadline) noexcept {
  const auto time = deadline.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds{time - seconds}.count()};
}

bool wait_on_one(const WaitWord& word, const struct timespec& until) noexcept {
  const long result = ::syscall(SYS_futex, word.word, FUTEX_WAIT_BITSET, word.expected, &until, nullptr,
                                FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno == EAGAIN;
}

// Linux 5.16 and later can wait on up to FUTEX_WAITV_MAX words.
#if defined(SYS_futex_waitv) && defined(FUTEX_WAITV_MAX)
std::optional<bool> wait_on_many(std::span<const WaitWord> words, const struct timespec& until) noexcept {
  std::array<struct futex_waitv, FUTEX_WAITV_MAX> waiters{};
  if (words.size() > waiters.size()) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i) {
    waiters[i].val = words[i].expected;
    waiters[i].uaddr = static_cast<std::uint64_t>(std::bit_cast<std::uintptr_t>(words[i].word));
    waiters[i].flags = FUTEX_32;
  }
  const long result = ::syscall(SYS_futex_waitv, waiters.data(), words.size(), 0, &until, CLOCK_MONOTONIC);
  if (result < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM)) return std::nullopt;
  return result >= 0 || errno == EAGAIN;
}
#else
std::optional<bool> wait_on_many(std::span<const WaitWord>, const struct timespec&) noexcept {
  return std::nullopt;
}
#endif

} // namespace

std::optional<bool> try_wait(std::span<const WaitWord> words, clock::time_point deadline) noexcept {
  const struct timespec until = to_timespec(deadline);
  if (words.size() > 1) return wait_on_many(words, until);
  if (words.size() == 1) return wait_on_one(words.front(), until);
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  return false;
}

void wake_all(const std::uint32_t* word) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

Event Event::make(std::error_code& error) {
  Event event;
  event.handle_ = Handle{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!event.handle_) error = last_error();
  return event;
}

void Event::set() noexcept {
  constexpr std::uint64_t one = 1;
  // Fails only if the counter is at its maximum; then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(id(), &one, sizeof one);
}

void Event::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(id(), &count, sizeof count);
}

} // namespace seqcast::inline v1::detail::platform
