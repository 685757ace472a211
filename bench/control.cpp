// SPDX-License-Identifier: BSL-1.0
#include "control.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <new>
#include <numeric>
#include <stdexcept>

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

double stamps_per_ns() {
  static const double rate = [] {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    const std::uint64_t first = stamp();
    while (Clock::now() - begin < std::chrono::milliseconds{50}) continue;
    const std::uint64_t last = stamp();
    return static_cast<double>(last - first) /
           std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  }();
  return rate;
}

double clock_itself() {
  static const double mean = [] {
    std::vector<std::uint64_t> times(10'001);
    for (std::uint64_t& time : times) {
      const std::uint64_t begin = stamp_after();
      time = stamp_after() - begin;
    }
    // The mean, because the steps are large beside it; without the interruptions.
    std::sort(times.begin(), times.end());
    times.resize(9'500);
    return std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
  }();
  return mean;
}

double clock_step() {
  static const double step = [] {
    std::map<std::uint64_t, int> differences;
    for (int i = 0; i < 10'000; ++i) {
      const std::uint64_t begin = stamp_after();
      for (volatile int wait = i % 64; wait > 0;) wait = wait - 1;
      ++differences[stamp_after() - begin];
    }
    std::erase_if(differences, [](const auto& found) { return found.second < 50; });
    // How far apart those are that come often; one apart are two that were rounded differently.
    std::vector<std::uint64_t> apart;
    std::uint64_t last = 0;
    for (const auto& [difference, times] : differences) {
      if (last > 0 && difference > last + 1) apart.push_back(difference - last);
      last = difference;
    }
    if (apart.empty()) return 1.0;
    std::sort(apart.begin(), apart.end());
    return static_cast<double>(apart[apart.size() / 2]);
  }();
  return step;
}

std::string unique_name() {
  static int count = 0;
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "seqcast-bench-%d-%d", ::getpid(), ++count);
  return name.data();
}

void pin(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(core), &cores);
  ::sched_setaffinity(0, sizeof cores, &cores);
}

Control& Control::make() {
  void* memory = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc{};
  return *new (memory) Control;
}

void Control::give_up(const char* why) {
  std::strncpy(failure_.data(), why, failure_.size() - 1);
  ::_exit(1);
}

void Control::run(const Body& sender, std::span<const Body> receivers, std::chrono::seconds limit) {
  ready_.value = 0;
  done_.value = 0;
  for (Line& line : received_) line.value = 0;
  tallies_ = {};
  failure_ = {};
  receivers_ = receivers.size();
  sent_ = 0;
  times.clear();
  costs.clear();
  deadline_ = stamp() + static_cast<std::uint64_t>(static_cast<double>(limit.count()) * 1e9 * stamps_per_ns());

  std::fflush(nullptr);
  std::vector<pid_t> children;
  const auto start = [&](int core, const Body& body) {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error{"fork() failed"};
    if (child > 0) return children.push_back(child);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A call that blocks in the kernel does not look at the deadline.
    ::alarm(static_cast<unsigned>(limit.count()) + 2);
    pin(core);
    try {
      body();
    } catch (const std::exception& error) {
      give_up(error.what());
    }
    ::_exit(0);
  };
  for (const Body& receiver : receivers) start(1, receiver);
  start(0, sender);

  bool well = true;
  while (!children.empty()) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (std::erase(children, ended) == 0) continue;
    if (status == 0) continue;
    well = false;
    for (const pid_t child : children) ::kill(child, SIGKILL);
  }
  if (!well) throw std::runtime_error{failure_[0] != 0 ? failure_.data() : "a process was killed"};
}

} // namespace bench
