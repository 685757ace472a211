// SPDX-License-Identifier: BSL-1.0
//
// stop: SIGINT, SIGTERM and SIGHUP as a std::stop_token, for every wait that takes one; so too the end of
// whoever read standard output (seqcast sub news | head). To be made before there is any other thread.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>

namespace cli {

class Stop {
 public:
  Stop();

  std::stop_token token() const {
    return state_->source.get_token();
  }
  bool requested() const {
    return state_->source.stop_requested();
  }
  /// From here on a reader of standard output that goes away (seqcast sub news | head) is a stop as well, even
  /// while there is nothing to write.
  void watch_output() const;

  /// The signal that asked for it; 0 if none did.
  int signal() const;

  /// Sleeps until then, or until a stop is requested.
  void sleep_until(std::chrono::steady_clock::time_point then) const;

 private:
  // Shared with threads that outlive main().
  struct State {
    std::stop_source source;
    mutable std::mutex mutex;
    int signal = 0;
  };
  std::shared_ptr<State> state_;
};

} // namespace cli
