// SPDX-License-Identifier: BSL-1.0
//
// child: a process that runs one function, and never outlives the object that started it, nor the process that
// did.
#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

class Child {
 public:
  template <class Body>
  explicit Child(const Body& body) : id_{fork()} {
    if (id_ < 0) throw std::system_error{errno, std::generic_category(), "cannot start a process"};
    if (id_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      body();
      _exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ > 0) kill(id_, SIGKILL);
    wait();
  }

  /// Waits for its end and gives its status, as waitpid() does.
  int wait() {
    if (const pid_t id = std::exchange(id_, 0); id > 0) waitpid(id, &status_, 0);
    return status_;
  }

 private:
  pid_t id_;
  int status_ = 0;
};
