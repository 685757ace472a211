// SPDX-License-Identifier: BSL-1.0
//
// stop: SIGINT and SIGTERM as a std::stop_token, for every wait that takes one. To be made first in main(), so
// that all threads leave these signals to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stop_token>
#include <thread>

class StopOnSignal {
 public:
  StopOnSignal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    // Detached: it waits for as long as the program runs, and touches nothing but what it holds itself.
    std::thread{[signals, source = source_]() mutable {
      int signal = 0;
      sigwait(&signals, &signal);
      source.request_stop();
    }}.detach();
  }

  std::stop_token token() const {
    return source_.get_token();
  }
  bool requested() const {
    return source_.stop_requested();
  }

  /// Sleeps until then, or until a stop is requested.
  void sleep_until(std::chrono::steady_clock::time_point then) const {
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any{}.wait_until(lock, token(), then, [] { return false; });
  }

 private:
  std::stop_source source_;
};
