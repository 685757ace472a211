// SPDX-License-Identifier: BSL-1.0
//
// pace: whether a publisher has the time to take the next slot's lines ahead. That makes the next large message
// faster to send and to receive, but takes about as long as sending it; a publisher that is about to send it
// anyhow would only send fewer (lib/docs/decisions/0006-when-there-is-time.md).
//
// Who may call it: the publisher's side of the ring, once a message.
//
// Invariants
//   1. Nothing depends on the answer but time: a clock that stands still or goes back does no harm.
//   2. Whoever publishes without a pause looks at the clock every 16th message.
#pragma once

#include <cstdint>

namespace seqcast::inline v1::detail {

class Pace {
 public:
  /// Bytes from which on the clock is asked; it takes as long as taking the lines of some KiB.
  static constexpr std::uint32_t asked_from = 2048;
  /// Bytes above which the lines are left alone: they do not stay in a core's own cache beside the message.
  static constexpr std::uint32_t never_above = 256 * 1024;

  /// To be called once for each message; `now` gives ns.
  template <class Now>
  bool has_time(std::uint32_t size, const Now& now) noexcept {
    if (size < asked_from) return true;
    if (size > never_above) return false;
    bytes_ += size;
    if (unasked_ > 0) {
      --unasked_;
      return false;
    }
    const std::uint64_t time = now();
    const bool hurried = bytes_ > (time - last_) * hurried_bytes_per_ns;
    last_ = time;
    bytes_ = 0;
    hurried_looks_ = hurried ? hurried_looks_ + (hurried_looks_ < most_doublings) : 0;
    unasked_ = hurried ? (1U << hurried_looks_) - 1 : 0;
    return !hurried;
  }

 private:
  // No publisher that takes the lines ahead without a pause is as slow as this, nor is one that pauses as fast.
  static constexpr std::uint64_t hurried_bytes_per_ns = 4;
  static constexpr std::uint32_t most_doublings = 4; // 15 messages between two looks

  std::uint64_t last_ = 0;  // ns
  std::uint64_t bytes_ = 0; // published since then
  std::uint32_t unasked_ = 0;
  std::uint32_t hurried_looks_ = 0; // in a row, up to most_doublings
};

} // namespace seqcast::inline v1::detail
