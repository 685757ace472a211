// SPDX-License-Identifier: BSL-1.0
#include "control.hpp"

#include "process.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ctime>

namespace bench {

Control::Control(std::span<const int> cpus) {
  std::copy_n(cpus.begin(), std::min(cpus.size(), cpus_.size()), cpus_.begin());
}

std::uint64_t Control::process_cpu_time_ns() {
  struct timespec time {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

void Control::fail(const char* reason) {
  std::strncpy(failure_.data(), reason, failure_.size() - 1);
  ::_exit(1);
}

void Control::run(const Body& sender, std::span<const Body> receivers, std::chrono::seconds limit) {
  ready_.value = 0;
  sender_finished_.value = 0;
  for (IsolatedNumber& number : received_) number.value = 0;
  counts_ = {};
  failure_ = {};
  receiver_count_ = receivers.size();
  sent_ = 0;
  sender_cpu_ns_ = 0;
  latencies.clear();
  send_times.clear();
  deadline_ = stamp() + stamps_of_ns(static_cast<double>(limit.count()) * 1e9);

  std::fflush(nullptr);
  std::vector<pid_t> children;
  const auto start = [&](int cpu, const Body& body) {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error{"fork() failed"};
    if (child > 0) return children.push_back(child);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A call that blocks in the kernel does not poll the deadline.
    ::alarm(static_cast<unsigned>(limit.count()) + 2);
    pin_to_core(cpu);
    try {
      body();
    } catch (const std::exception& error) {
      fail(error.what());
    } catch (...) {
      fail("an unknown exception");
    }
    ::_exit(0);
  };
  for (std::size_t i = 0; i < receivers.size(); ++i) start(cpus_[1 + i], receivers[i]);
  start(cpus_[0], sender);

  bool failed = false;
  while (!children.empty()) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (std::erase(children, ended) == 0) continue;
    if (status == 0) continue;
    failed = true;
    for (const pid_t child : children) ::kill(child, SIGKILL);
  }
  if (failed) throw std::runtime_error{failure_[0] != 0 ? failure_.data() : "a process was killed"};
}

} // namespace bench
