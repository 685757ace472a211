// SPDX-License-Identifier: BSL-1.0
//
// stop: Ctrl-C (SIGINT and SIGTERM) as a std::stop_token. Make it first in main(), so that later threads do not
// receive these signals.
#pragma once

#include "system.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace demo {

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

  /// Sleeps until that time, or until a stop is requested.
  void sleep_until(std::chrono::steady_clock::time_point end) const {
    std::mutex mutex;
    std::unique_lock lock{mutex};
    std::condition_variable_any{}.wait_until(lock, token(), end, [] { return false; });
  }

 private:
  std::stop_source source_;
};

} // namespace demo
