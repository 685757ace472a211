// SPDX-License-Identifier: BSL-1.0
//
// The bytes of a region, against lib/docs/format.md.
#include <doctest/doctest.h>
#include <seqcast/seqcast.hpp>

TEST_CASE("a slot of a 48-byte message is one cache line") {
  CHECK(seqcast::detail::smallest_payload_offset + 48 == seqcast::detail::cache_line);
}
