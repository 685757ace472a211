// SPDX-License-Identifier: BSL-1.0
//
// waiting: what the tests of waiting have in common: types, timeouts, and whether a thread sleeps.
//
// Who may use it: any test.
#pragma once

#include "support/temporary.hpp"
#include "support/watchdog.hpp"

#include <seqcast/seqcast.hpp>

#include <array>
#include <optional>

namespace test {

using namespace std::chrono_literals;
using seqcast::WaitResult;

/// A wait that takes this long has lost its wake-up; a slow machine takes less.
inline constexpr std::chrono::seconds long_timeout{30};

/// Every way in which a subscriber that sleeps can be woken.
inline constexpr std::array wakeups{seqcast::Wakeup::bell, seqcast::Wakeup::every_message,
                                    seqcast::Wakeup::polling};

using Number = std::uint64_t;
using NumberPublisher = seqcast::Publisher<Number>;
using NumberSubscriber = seqcast::Subscriber<Number>;

template <class ThreadId>
void wait_until_asleep(ThreadId thread) {
  wait_until("a thread to fall asleep", [&] { return sleeps(thread); });
}

/// Reads all messages, and gives their number.
inline std::uint64_t drain(NumberSubscriber& subscriber) {
  std::uint64_t count = 0;
  while (subscriber.next()) ++count;
  return count;
}

} // namespace test
