// SPDX-License-Identifier: BSL-1.0
//
// reliable: what the tests of reliable subscribers have in common: options, and a publisher that publishes until one is
// in its way.
//
// Who may use it: any test.
#pragma once

#include "support/waiting.hpp"

#include <doctest/doctest.h>

namespace test {

inline constexpr auto no_limit = (std::chrono::nanoseconds::max)();
inline const seqcast::SubscriberOptions reliably{.reliable = true};

inline seqcast::PublisherOptions waits(std::chrono::nanoseconds most = no_limit, std::uint64_t capacity = 8) {
  return {.capacity = capacity, .max_blocking_time = most};
}

/// Publishes the numbers of the sequences until a subscriber is in the way; gives how many.
inline std::uint64_t fill(NumberPublisher& publisher) {
  std::uint64_t count = 0;
  while (publisher.try_publish(publisher.head() + 1)) REQUIRE(++count < 1000);
  return count;
}

} // namespace test
