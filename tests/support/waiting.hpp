// SPDX-License-Identifier: BSL-1.0
//
// waiting: what the tests of waiting have in common: channels, patience, and whether a thread sleeps.
//
// Who may use it: any test.
#pragma once

#include "support/temporary.hpp"
#include "support/watchdog.hpp"

#include <seqcast/seqcast.hpp>

#include <optional>

namespace test {

using namespace std::chrono_literals;
using seqcast::Wait;

/// A wait of this length that runs into its end is a lost wake-up, not a slow machine.
inline constexpr std::chrono::seconds far_away{30};

using Number = std::uint64_t;
using NumberPublisher = seqcast::Publisher<Number>;
using NumberSubscriber = seqcast::Subscriber<Number>;

template <class ThreadId>
void wait_until_asleep(ThreadId thread) {
  wait_until("a thread to fall asleep", [&] { return sleeps(thread); });
}

/// What takes a slice of 100 ms, more often than not, if a wake-up was lost. But a busy machine may stop
/// somebody for as long: `is_quick()` is called until it was true so many times, and false one time in five at
/// most. Throws GaveUp if that does not come.
template <class Round>
void expect_quick(const char* what, int wanted, const Round& is_quick) {
  const Watchdog watchdog{what};
  for (int quick = 0, slow = 0; quick < wanted || slow * 5 > quick; watchdog.check())
    ++(is_quick() ? quick : slow);
}

/// Reads all there is, and gives how many that were.
inline std::uint64_t drain(NumberSubscriber& subscriber) {
  std::uint64_t count = 0;
  while (subscriber.next()) ++count;
  return count;
}

} // namespace test
