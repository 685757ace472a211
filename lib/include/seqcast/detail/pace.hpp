// SPDX-License-Identifier: BSL-1.0
//
// pace: what each side does otherwise while messages come one right after the other. A publisher that does not
// pause gains nothing by prefetching the next slot, and a subscriber that catches up with it takes each line
// away while it is being written: both are then faster with some messages between them. Skip this file at a
// first reading: nothing but time depends on it (lib/docs/decisions/0006 and 0011).
//
// Who may call it: the two sides of the ring, each its own object.
//
// Invariants
//   1. A wrong guess, or a clock that stands still or goes back, costs time and nothing else.
//   2. A subscriber holds back only after a flood of messages, and pauses at most `most_pauses` times a call.
#pragma once

#include <cstdint>

namespace seqcast::inline v1::detail {

/// Whether the next slot's lines are prefetched. That makes the next large message faster to send and to
/// receive, but takes about as long as sending it, so it does not pay for a publisher that does not pause
/// between messages (lib/docs/decisions/0006-when-there-is-time.md).
/// Such a publisher reads the clock for every 16th message.
class PublisherPace {
 public:
  /// Bytes from which on the clock is read, which takes as long as prefetching some KiB.
  static constexpr std::uint32_t clock_from = 2048;
  /// Bytes that stay in a core's own cache beside the message. A larger message is copied past the caches by a
  /// publisher that pauses (lib/docs/decisions/0012-progress.md); nothing is prefetched for it then.
  static constexpr std::uint32_t fits_cache = 256 * 1024;

  /// To be called once for each message of `size` bytes; `now` gives ns.
  template <class Now>
  bool pauses(std::uint32_t size, const Now& now) noexcept {
    if (size < clock_from) return true;
    bytes_ += size;
    if (skipped_readings_ > 0) {
      --skipped_readings_;
      return false;
    }
    const std::uint64_t time = now();
    const bool busy = bytes_ > (time - last_reading_) * (size > fits_cache ? busy_large : busy_bytes_per_ns);
    last_reading_ = time;
    bytes_ = 0;
    hurried_ = busy;
    busy_readings_ = busy ? busy_readings_ + (busy_readings_ < most_doublings ? 1 : 0) : 0;
    skipped_readings_ = busy ? (1U << busy_readings_) - 1 : 0;
    return !busy;
  }

  /// Messages of one line: the clock is read once in this many.
  static constexpr std::uint64_t period = 64;
  /// How many slots ahead of the next one a line is brought. 8 were too few, 64 brought no more.
  static constexpr std::uint64_t ahead = 32;

  /// To be called after that many messages of one line; `time` in ns.
  void end_period(std::uint64_t time) noexcept {
    const std::uint64_t passed = time - last_reading_;
    last_reading_ = time;
    // Faster, nobody takes the lines away; slower, the publisher pauses.
    line_ahead_ = passed > 8 * period && passed < 200 * period;
  }
  /// Whether to bring a line ahead of its slot's turn.
  bool line_ahead() const noexcept {
    return line_ahead_;
  }

  /// Whether the last reading of the clock found no pause.
  bool hurried() const noexcept {
    return hurried_;
  }

 private:
  // A publisher that prefetches and does not pause is faster than this, on cores far apart too; one that pauses
  // for longer than prefetching takes is slower.
  static constexpr std::uint64_t busy_bytes_per_ns = 1;
  // The same above fits_cache: none that did not pause was below 6.
  static constexpr std::uint64_t busy_large = 4;
  static constexpr std::uint32_t most_doublings = 4; // 15 messages between two readings

  std::uint64_t last_reading_ = 0; // ns
  std::uint64_t bytes_ = 0;        // published since then
  std::uint32_t skipped_readings_ = 0;
  std::uint32_t busy_readings_ = 0; // in a row, up to most_doublings
  bool hurried_ = false;
  bool line_ahead_ = false;
};

/// Whether a subscriber has to do with a publisher that does not pause, and how it holds back then.
///
/// It counts only where there is no message, so that messages cost nothing. A flood shows in messages that are
/// there at once, without a wait before them: in a dialogue, or at any rate that the subscriber keeps up with,
/// there are none.
class SubscriberPace {
 public:
  /// How often a call pauses at most: some microseconds, since its thread may have other channels to read.
  static constexpr int most_pauses = 256;
  /// Messages that it lets the publisher go ahead at most, where the channel has many more slots.
  static constexpr std::uint64_t most_ahead = 64;

  /// There is no message after `cursor`. During a flood: waits until some more are there, `most` at most, or
  /// until the flood ends.
  /// `is_complete` tells whether the message of a sequence is there; `pause` lets a moment pass.
  template <class IsComplete, class Pause>
  void caught_up(std::uint64_t cursor, std::uint64_t most, const IsComplete& is_complete,
                 const Pause& pause) noexcept {
    if (cursor == waits_at_) {
      ++waits_;
      return;
    }
    // Messages since the wait before, the first of them waited for. seek() may have set the cursor back.
    const std::uint64_t run = cursor > waits_at_ ? cursor - waits_at_ : 1;
    const std::uint64_t gain = 2 * (run < longest_run ? run : longest_run);
    if (waits_ >= long_wait) {
      score_ = 0;
      limit_ = first_limit;
    }
    score_ += gain;
    score_ = score_ > loss ? score_ - loss : 0;
    if (score_ > most_score) score_ = most_score;
    waits_at_ = cursor;
    waits_ = 1;
    if (hurried()) hold_back(cursor, most, is_complete, pause);
  }

  /// Of a reliable subscriber, to be called now and then: that many bytes were received since the last call, `time`
  /// in ns. Large messages without a pause that it keeps up with show in nothing but their rate: each is waited
  /// for, as it takes longer to send while its first line is polled.
  void received(std::uint64_t bytes, std::uint64_t time) noexcept {
    fast_ = bytes > flood_bytes_per_ns * (time - last_reading_);
    last_reading_ = time;
  }

  bool hurried() const noexcept {
    // Without a branch: both vary from message to message.
    return (static_cast<unsigned>(score_ >= flood) | static_cast<unsigned>(fast_)) != 0;
  }

 private:
  // A run of one message, as in a dialogue, lowers the score; one of two or more raises it.
  static constexpr std::uint64_t loss = 3;
  static constexpr std::uint64_t longest_run = 16;
  static constexpr std::uint64_t flood = 32;
  static constexpr std::uint64_t most_score = 64;
  static constexpr std::uint64_t long_wait = 64; // calls without a message: then there is no flood
  static constexpr int first_limit = 64;
  static constexpr std::uint64_t flood_bytes_per_ns = 2;

  /// Looks for the message 1, 2, 4, 8 ... ahead. In a flood each takes twice as long as the one before; when
  /// one takes longer than four times, the flood has ended.
  template <class IsComplete, class Pause>
  void hold_back(std::uint64_t cursor, std::uint64_t most, const IsComplete& is_complete,
                 const Pause& pause) noexcept {
    int limit = limit_;
    int pauses = 0;
    for (std::uint64_t ahead = 1; ahead <= most; ahead *= 2) {
      int used = 0;
      for (; !is_complete(cursor + ahead); ++used) {
        if (used == limit || pauses++ == most_pauses) {
          // If the flood goes on all the same, its messages take longer than that.
          if (ahead == 1 && limit_ < most_pauses) limit_ *= 2;
          fast_ = false;
          return;
        }
        pause();
      }
      limit = 4 * used + first_limit / 4;
    }
  }

  std::uint64_t waits_at_ = 0; // the cursor, when there was no message
  std::uint64_t waits_ = 0;    // calls without a message since then
  std::uint64_t score_ = 0;
  int limit_ = first_limit;        // pauses before the next message is there
  std::uint64_t last_reading_ = 0; // of the clock; ns
  bool fast_ = false;              // the bytes received since then came without a pause
};

} // namespace seqcast::inline v1::detail
