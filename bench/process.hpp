// SPDX-License-Identifier: BSL-1.0
//
// process: what bench asks of the operating system about processes: a core to run on, a name that no other run
// uses, and programs that run beside a measurement.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bench {

/// Keeps the calling thread on one core. Without effect if the core does not exist.
void pin_to_core(int core);

/// A name for an object of the operating system, different for each call and each process.
std::string unique_name();

/// A program that runs in a process of its own, without output, until this object or this process ends.
class ChildProcess {
 public:
  struct Options {
    int core = -1;            // pinned to it; -1: not pinned
    int end_signal = SIGTERM; // sent when this object or this process ends
  };
  /// Starts `arguments[0]`, searched in PATH. If it cannot be executed, the child ends at once: see ended().
  ChildProcess(std::vector<std::string> arguments, const Options& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  void send(int signal) const;
  bool ended();
  /// Time of all cores that its present threads have used so far; 0 when it has ended.
  double cpu_seconds() const;

 private:
  pid_t id_; // 0 when it has ended
  int end_signal_;
};

} // namespace bench
