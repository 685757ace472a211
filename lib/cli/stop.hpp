// SPDX-License-Identifier: BSL-1.0
//
// stop: SIGINT, SIGTERM and SIGHUP as a std::stop_token, for every wait that takes one; on request also the end
// of the program that reads standard output (seqcast sub news | head). Made before any other thread is started.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>

namespace cli {

/// Sleeps for that time, or until the token asks to stop.
void sleep_for(std::chrono::nanoseconds time, const std::stop_token& stop);

class Stop {
 public:
  Stop();

  std::stop_token token() const {
    return state_->source.get_token();
  }
  bool requested() const {
    return state_->source.stop_requested();
  }
  /// From here on it is a stop, too, when the reader of standard output closes it, even while there is nothing
  /// to write.
  void watch_output() const;

  /// The signal that requested the stop; 0 if there was none.
  int signal() const;

  /// Sleeps until that time, or until a stop is requested.
  void sleep_until(std::chrono::steady_clock::time_point end) const;

  /// Asks at growing intervals, of a millisecond at most, whether the condition holds; gives that. Ends with false
  /// after the time `most`, and when a stop is requested.
  template <class Condition>
  bool poll(std::chrono::nanoseconds most, const Condition& condition) const {
    if (condition()) return true;
    const auto end = std::chrono::steady_clock::now() + most;
    std::chrono::nanoseconds pause = std::chrono::microseconds{20};
    for (auto now = end - most; now < end && !requested(); now = std::chrono::steady_clock::now()) {
      sleep_until(std::min(end, now + pause));
      if (condition()) return true;
      pause = std::min<std::chrono::nanoseconds>(2 * pause, std::chrono::milliseconds{1});
    }
    return false;
  }

 private:
  // Shared with threads that run longer than main().
  struct State {
    std::stop_source source;
    mutable std::mutex mutex;
    int signal = 0;
  };
  std::shared_ptr<State> state_;
};

} // namespace cli
