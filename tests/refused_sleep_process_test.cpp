// SPDX-License-Identifier: BSL-1.0
//
// Waiting in a sandbox that refuses the system calls that sleep, one after the other and with every errno:
// another one sleeps instead, and no loop spins. A handler of SIGSYS gives the errno, and counts.
#include "support/child.hpp"
#include "support/waiting.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <ucontext.h>

namespace {

using namespace test;

struct Refusals {
  int error = 0; // what each refused call gives
  std::uint64_t count = 0;
} refusals;

/// Gives a refused call its result; false where this test does not know how.
bool set_result([[maybe_unused]] ucontext_t& context, [[maybe_unused]] long result) {
#if defined(__x86_64__)
  context.uc_mcontext.gregs[REG_RAX] = result;
  return true;
#elif defined(__aarch64__)
  context.uc_mcontext.regs[0] = static_cast<unsigned long long>(result);
  return true;
#else
  return false;
#endif
}

/// From here on this process is refused these calls. False where the system does not permit that.
bool refuse(const std::vector<long>& calls) {
  ucontext_t probe{};
  if (!set_result(probe, 0)) return false;
  struct sigaction action {};
  action.sa_sigaction = [](int, siginfo_t*, void* context) {
    ++refusals.count;
    set_result(*static_cast<ucontext_t*>(context), -refusals.error);
  };
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigaction(SIGSYS, &action, nullptr);
  std::vector<struct sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offsetof(struct seccomp_data, nr)))};
  for (const long call : calls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const struct sock_fprog program { static_cast<unsigned short>(filter.size()), filter.data() };
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

constexpr int last_errno = 133;
constexpr auto wait_time = 3ms;
// A wait goes to sleep for 50 us, or for pauses that grow from 20 us, and later for a millisecond: at most 12
// times in 3 ms, by at most 6 refused calls each time. A loop that spins makes hundreds.
constexpr std::uint64_t most_refusals = 72;

} // namespace

TEST_CASE("whichever call a sandbox refuses, and with whichever errno, a wait sleeps") {
  const std::vector<std::vector<long>> sandboxes{
      {SYS_futex},
      {SYS_futex_waitv},
      {SYS_clock_nanosleep},
      {SYS_futex, SYS_futex_waitv, SYS_clock_nanosleep},
      {SYS_futex, SYS_futex_waitv, SYS_clock_nanosleep, SYS_ppoll},
      {SYS_futex_waitv, SYS_clock_nanosleep, SYS_ppoll, SYS_pselect6},
  };
  for (std::size_t sandbox = 0; sandbox < sandboxes.size(); ++sandbox) {
    CAPTURE(sandbox);
    const TemporaryFolder folder;
    Child child{[&](Line& line) {
      NumberPublisher publisher{folder.channel("bell")};
      NumberPublisher polled{folder.channel("polling"), {.wakeup = seqcast::Wakeup::polling}};
      NumberSubscriber one{publisher.location(), {.strategy = seqcast::WaitStrategy::sleep}};
      NumberSubscriber other{polled.location(), {.strategy = seqcast::WaitStrategy::sleep}};
      NumberSubscriber again{publisher.location(), {.strategy = seqcast::WaitStrategy::sleep}};
      if (!refuse(sandboxes[sandbox])) return line.send(-1);
      for (refusals.error = 1; refusals.error <= last_errno; ++refusals.error) {
        // What a call that is not refused gives as well.
        if (std::set{EAGAIN, EINTR, ETIMEDOUT}.contains(refusals.error)) continue;
        for (int kind = 0; kind < 3; ++kind) {
          refusals.count = 0;
          const auto begin = std::chrono::steady_clock::now();
          const WaitResult result = kind == 0   ? one.wait_for(wait_time)
                                    : kind == 1 ? other.wait_for(wait_time)
                                                : seqcast::wait_any({&one, &again}, wait_time).reason;
          if (result != WaitResult::timeout || std::chrono::steady_clock::now() - begin < wait_time ||
              refusals.count > most_refusals) {
            line.send(refusals.error);
            line.send(kind);
            line.send(refusals.count);
            return;
          }
        }
      }
      publisher.publish(1);
      line.send(one.wait_for(long_timeout) == WaitResult::message ? 0 : -2);
    }};
    const int error = child.line().expect<int>();
    if (error == -1) {
      MESSAGE("skipped: the system does not let a process refuse itself system calls");
      return;
    }
    CAPTURE(error);
    if (error > 0) {
      const int kind = child.line().expect<int>();
      const auto refused_calls = child.line().expect<std::uint64_t>();
      CAPTURE(kind);
      CAPTURE(refused_calls);
      FAIL_CHECK("a loop that does not sleep");
    }
    CHECK(error == 0);
    CHECK(child.wait() == ended_well);
  }
}
