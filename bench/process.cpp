// SPDX-License-Identifier: BSL-1.0
#include "process.hpp"

#include <filesystem>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

void pin_to_core(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(core), &cores);
  ::sched_setaffinity(0, sizeof cores, &cores);
}

std::string unique_name() {
  static int count = 0;
  return "seqcast-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

ChildProcess::ChildProcess(std::vector<std::string> arguments, const Options& options)
    : id_{::fork()}, end_signal_{options.end_signal} {
  if (id_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, end_signal_);
  if (options.core >= 0) pin_to_core(options.core);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(null, STDERR_FILENO);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : id_{std::exchange(other.id_, 0)}, end_signal_{other.end_signal_} {}

ChildProcess::~ChildProcess() {
  if (id_ <= 0) return;
  send(end_signal_);
  ::waitpid(id_, nullptr, 0);
}

void ChildProcess::send(int signal) const {
  if (id_ > 0) ::kill(id_, signal);
}

bool ChildProcess::ended() {
  if (id_ > 0 && ::waitpid(id_, nullptr, WNOHANG) != 0) id_ = 0;
  return id_ <= 0;
}

double ChildProcess::cpu_seconds() const {
  if (id_ <= 0) return 0;
  double nanoseconds = 0;
  std::error_code ignored;
  // The scheduler's own sums, thread by thread; those of 'stat' are guesses from its ticks.
  for (const auto& thread :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(id_) + "/task", ignored}) {
    double running = 0;
    if (std::ifstream{thread.path() / "schedstat"} >> running) nanoseconds += running;
  }
  return nanoseconds * 1e-9;
}

} // namespace bench
