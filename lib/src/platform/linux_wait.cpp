// SPDX-License-Identifier: BSL-1.0
//
// linux_wait: sleeping and waking across processes, by shared futexes (futex(2), futex_waitv(2)), and the
// eventfd for event loops. Private futexes, which std::atomic::wait() uses, do not work across processes.
#include "platform.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
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

/// Whether a word may have been woken. Empty if the system refuses the call: a sandbox may choose any error.
std::optional<bool> woken(long result) noexcept {
  if (result >= 0 || errno == EAGAIN) return true;
  if (errno == EINTR || errno == ETIMEDOUT) return false;
  return std::nullopt;
}

std::optional<bool> wait_on_one(const WaitWord& word, const struct timespec& until) noexcept {
  return woken(::syscall(SYS_futex, word.word, FUTEX_WAIT_BITSET, word.expected, &until, nullptr,
                         FUTEX_BITSET_MATCH_ANY));
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
  return woken(::syscall(SYS_futex_waitv, waiters.data(), words.size(), 0, &until, CLOCK_MONOTONIC));
}
#else
std::optional<bool> wait_on_many(std::span<const WaitWord>, const struct timespec&) noexcept {
  return std::nullopt;
}
#endif

/// Sleeps until the deadline or for a shorter time, by the first call that a sandbox lets through.
void sleep_until(clock::time_point deadline) noexcept {
  const auto slept = [](long result) { return result == 0 || errno == EINTR || errno == ETIMEDOUT; };
  const struct timespec until = to_timespec(deadline);
  if (slept(::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr))) return;
  // These two write what is left of the time.
  const auto left = clock::time_point{std::max(deadline - clock::now(), clock::duration::zero())};
  struct timespec time = to_timespec(left);
  if (slept(::syscall(SYS_ppoll, nullptr, 0, &time, nullptr, 0))) return;
  time = to_timespec(left);
  if (slept(::syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, &time, nullptr))) return;
  static constexpr std::uint32_t never_woken = 0;
  if (wait_on_one({&never_woken, never_woken}, until)) return;
  ::sched_yield(); // nothing that sleeps is left
}

} // namespace

// By syscall(), so that no call is a cancellation point: see NoCancellation.
std::optional<bool> try_wait(std::span<const WaitWord> words, clock::time_point deadline) noexcept {
  if (words.size() > 1) return wait_on_many(words, to_timespec(deadline));
  if (words.size() == 1) return wait_on_one(words.front(), to_timespec(deadline));
  sleep_until(deadline);
  return false;
}

void wake_all(const std::uint32_t* word) noexcept {
  ::syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

NoCancellation::NoCancellation() noexcept {
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
}

NoCancellation::~NoCancellation() {
  ::pthread_setcancelstate(before_, nullptr);
}

void NoCancellation::act_on_request() const {
  ::pthread_setcancelstate(before_, nullptr);
  ::pthread_testcancel();
  ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
}

// Blocked from the beginning: a handler that ran in it, or a signal that ends the process, would be a surprise to a
// program that blocks signals in the threads that it knows. A fault that is blocked kills.
std::thread start_without_signals(std::function<void()> run) {
  struct Blocked {
    sigset_t before;
    Blocked() noexcept {
      sigset_t all;
      ::sigfillset(&all);
      ::pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    Blocked(const Blocked&) = delete;
    ~Blocked() {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
  };
  const Blocked blocked;
  return std::thread{[run = std::move(run)] {
    sigset_t faults;
    ::sigemptyset(&faults);
    for (const int fault : {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) ::sigaddset(&faults, fault);
    ::pthread_sigmask(SIG_UNBLOCK, &faults, nullptr);
    run();
  }};
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
