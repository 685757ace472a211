// SPDX-License-Identifier: BSL-1.0
//
// clock: the clock of publish times, and of whether a publisher pauses. Anybody may ask it; it takes some tens
// of ns, a system call where the system has no vDSO.
#pragma once

#include <chrono>
#include <cstdint>

namespace seqcast::inline v1::detail {

/// Nanoseconds of the clock that publish times are in (CLOCK_MONOTONIC on Linux).
inline std::uint64_t monotonic_now() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

} // namespace seqcast::inline v1::detail
