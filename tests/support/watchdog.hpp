// SPDX-License-Identifier: BSL-1.0
//
// watchdog: bounds for waits. A test never sleeps to let something happen: it waits for that event, and fails
// when the event does not come.
//
// Who may call it: any test, any thread, any process.
//
// Invariants
//   1. The bound is far above what a slow, loaded machine needs: it separates a hang from a success, never fast
//      from slow.
//   2. A failed wait throws, so that destructors reap children and remove files.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

namespace test {

using steady = std::chrono::steady_clock;

/// The longest that any wait may take.
inline constexpr std::chrono::seconds watchdog_timeout{60};

struct WaitFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A point in time after which a wait has failed.
class Watchdog {
 public:
  explicit Watchdog(std::string what, std::chrono::nanoseconds bound = watchdog_timeout)
      : what_{std::move(what)}, end_{steady::now() + bound} {}

  bool expired() const noexcept {
    return steady::now() >= end_;
  }

  /// Throws WaitFailed when the time is over.
  void check() const {
    if (expired()) throw WaitFailed{"timed out waiting for " + what_};
  }

  /// The time left for poll(2), at least 0.
  int milliseconds_left() const noexcept {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - steady::now()).count();
    return left > 0 ? static_cast<int>(left) : 0;
  }

  const std::string& what() const noexcept {
    return what_;
  }

 private:
  std::string what_;
  steady::time_point end_;
};

/// Polls until `holds()`; throws WaitFailed if that does not come.
template <class Condition>
void wait_until(const std::string& what, const Condition& holds) {
  const Watchdog watchdog{what};
  while (!holds()) {
    watchdog.check();
    std::this_thread::yield();
  }
}

} // namespace test
