// SPDX-License-Identifier: BSL-1.0
//
// tracee: a forked process that runs one machine instruction at a time, so that a test can kill it, or publish
// while it is stopped, between any two instructions. instruction_points.hpp goes through all of them.
//
// Who may call it: the main thread of a test. The function runs in the child and calls mark() where stepping
// begins and ends.
//
// Invariants
//   1. A tracee is always reaped, and dies with the test, as every Child does.
//   2. Every wait ends: the tracee's own alarm stops it, and that is a failure.
//   3. The dynamic linker is not stepped if the parent has run the same code before.
#pragma once

#include "support/child.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/user.h>

namespace test {

/// Why processes cannot be stepped here; null if they can.
inline const char* no_stepping_reason() noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEQCAST_TEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SEQCAST_TEST_SANITIZED
#endif
#endif
#if defined(SEQCAST_TEST_SANITIZED)
  return "a sanitizer's own code would be stepped, a hundred times the library's";
#elif !defined(__x86_64__)
  return "only x86-64 can be stepped: elsewhere an exclusive load loses its reservation at every step";
#else
  return nullptr;
#endif
}

/// Stops the tracee until the test resumes it. Few instructions, since they are stepped too.
inline void mark() noexcept {
  ::syscall(SYS_tgkill, ::getpid(), ::getpid(), SIGSTOP);
}

class Tracee {
 public:
  template <class Function>
  explicit Tracee(Function function)
      : child_{[&function](Line&) {
          if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(not_permitted);
          ::alarm(static_cast<unsigned>(watchdog_timeout.count()));
          function();
        }} {}

  /// The status with which a child ends that may not be traced.
  static constexpr int not_permitted = 77;

  /// Runs on to the next mark(). False if the tracee ends instead.
  bool run_to_mark() {
    // Before the first stop there is nothing to resume.
    if (std::exchange(started_, true)) resume(PTRACE_CONT);
    return wait() == SIGSTOP;
  }

  /// One instruction, a system call counting as one. False if that was the mark.
  bool step() {
    resume(PTRACE_SINGLESTEP);
    return !is_mark(wait());
  }

  /// Runs to the end of the next system call, at full speed. False if the mark comes first.
  bool run_through_system_call() {
    for (int side = 0; side < 2; ++side) { // its entry and its exit
      resume(PTRACE_SYSCALL);
      if (is_mark(wait())) return false;
    }
    return true;
  }

  /// Runs on at full speed until it reaches an instruction for the `visits`-th time; it may be there already.
  /// False if the mark comes first.
  bool run_to(std::uint64_t address, std::uint64_t visits) {
    const std::uint64_t code = peek(address);
    for (;;) {
      poke(address, (code & ~std::uint64_t{0xFF}) | 0xCC); // int3
      resume(PTRACE_CONT);
      const bool arrived = !is_mark(wait());
      poke(address, code);
      if (!arrived) return false;
      set_position(address);
      if (--visits == 0) return true;
      if (!step()) return false;
    }
  }

  /// Whether the next instruction is a system call.
  bool at_system_call() const {
    return (peek(position()) & 0xFFFF) == 0x050F;
  }

  /// Address of the next instruction.
  std::uint64_t position() const {
    errno = 0;
    const long address = ::ptrace(PTRACE_PEEKUSER, child_.id(), position_offset, nullptr);
    if (errno != 0) raise_errno("ptrace: read the position");
    return static_cast<std::uint64_t>(address);
  }

  /// SIGKILL, at the current instruction.
  Ended kill() {
    return child_.kill();
  }

 private:
#if defined(__x86_64__)
  static constexpr std::size_t position_offset = offsetof(struct user, regs.rip);
#else
  static constexpr std::size_t position_offset = 0; // see no_stepping_reason()
#endif

  std::uint64_t peek(std::uint64_t address) const {
    errno = 0;
    const long code = ::ptrace(PTRACE_PEEKTEXT, child_.id(), address, nullptr);
    if (errno != 0) raise_errno("ptrace: read an instruction");
    return static_cast<std::uint64_t>(code);
  }
  void poke(std::uint64_t address, std::uint64_t code) {
    if (::ptrace(PTRACE_POKETEXT, child_.id(), address, code) != 0) raise_errno("ptrace: set a breakpoint");
  }
  void set_position(std::uint64_t address) {
    if (::ptrace(PTRACE_POKEUSER, child_.id(), position_offset, address) != 0)
      raise_errno("ptrace: set the position");
  }

  void resume(decltype(PTRACE_CONT) how) {
    if (::ptrace(how, child_.id(), nullptr, nullptr) != 0) raise_errno("ptrace: resume");
  }

  // Gives the signal that it stopped with; 0 if it has ended. The sum of SIGTRAP and 0x80 is a system call.
  int wait() {
    int status = 0;
    while (::waitpid(child_.id(), &status, __WALL) < 0) {
      if (errno != EINTR) raise_errno("waitpid");
    }
    if (!WIFSTOPPED(status)) {
      child_.forget();
      return 0;
    }
    if (!std::exchange(configured_, true)) {
      constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
      if (::ptrace(PTRACE_SETOPTIONS, child_.id(), nullptr, options) != 0) raise_errno("ptrace: options");
    }
    return WSTOPSIG(status);
  }

  static bool is_mark(int signal) {
    if (signal == SIGSTOP) return true;
    if (signal == SIGTRAP || signal == (SIGTRAP | 0x80)) return false;
    if (signal == SIGALRM) throw WaitFailed{"timed out waiting for a traced process: it hangs"};
    throw std::runtime_error{signal == 0 ? "a traced process ended before its mark"
                                         : "a traced process got signal " + std::to_string(signal)};
  }

  Child child_;
  bool started_ = false;
  bool configured_ = false;
};

/// Restricts this process and its tracees to one processor, which makes a step several times cheaper.
class OneProcessor {
 public:
  OneProcessor() noexcept {
    CPU_ZERO(&before_);
    changed_ = ::sched_getaffinity(0, sizeof before_, &before_) == 0;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    if (changed_) ::sched_setaffinity(0, sizeof one, &one);
  }
  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
  ~OneProcessor() {
    if (changed_) ::sched_setaffinity(0, sizeof before_, &before_);
  }

 private:
  cpu_set_t before_;
  bool changed_ = false;
};

/// Why no test of this kind can run here; empty if it can.
inline std::string cannot_step() {
  if (const char* reason = no_stepping_reason()) return reason;
  Tracee tracee{[] {
    mark();
    mark();
  }};
  if (!tracee.run_to_mark()) return "ptrace is not permitted";
  if (!tracee.step()) return "ptrace does not step";
  tracee.kill();
  return {};
}

} // namespace test
