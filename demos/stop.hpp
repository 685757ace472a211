// SPDX-License-Identifier: BSL-1.0
//
// stop: SIGINT and SIGTERM, or Ctrl-C, as a std::stop_token, for every wait that takes one. To be made first in
// main(), so that all threads leave these signals to it.
#pragma once

#include "system.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

class StopOnSignal {
 public:
  StopOnSignal() {
    stop_on_signal(source_);
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
