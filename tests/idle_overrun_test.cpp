// SPDX-License-Identifier: BSL-1.0
//
// A subscriber that was overrun while the publisher is idle (or dead): whatever slot it looks into first, and
// however far it is behind, next() has to get going again by itself.
#include "support/temporary.hpp"

#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

TEST_CASE("a subscriber any number of messages behind an idle publisher goes on at its first call") {
  const test::TemporaryFolder folder;
  for (const std::uint64_t capacity : {2U, 4U, 8U, 64U}) {
    for (const auto resume : {seqcast::Resume::half, seqcast::Resume::newest, seqcast::Resume::oldest}) {
      for (std::uint64_t behind = 1; behind <= 3 * capacity; ++behind) {
        CAPTURE(capacity);
        CAPTURE(static_cast<int>(resume));
        CAPTURE(behind);
        const seqcast::Location place = seqcast::file(folder / "channel");
        seqcast::Publisher<std::uint64_t> publisher{place, {.capacity = capacity, .remove_on_close = true}};
        seqcast::Subscriber<std::uint64_t> subscriber{place, {.resume = resume}};
        for (std::uint64_t i = 1; i <= behind; ++i) publisher.publish(i);
        std::uint64_t received = 0;
        std::uint64_t lost = 0;
        while (const auto found = subscriber.next()) {
          CHECK(found->message == found->sequence);
          lost += found->lost;
          ++received;
        }
        CHECK_FALSE(subscriber.error());
        CHECK(received > 0);
        CHECK(received + lost == behind);
        if (behind < capacity) CHECK(lost == 0);
      }
    }
  }
}
