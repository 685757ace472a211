// SPDX-License-Identifier: BSL-1.0
//
// ring: the protocol. RingPublisher::publish_with() and RingSubscriber::try_read() are the two halves of a
// sequence lock; next() and latest() choose the slot to read. This is the file of the memory orderings: each
// tag in brackets has its paragraph in lib/docs/ordering.md, and `git grep` of a tag shows both of its ends.
//
// Message m goes into slot (m - 1) mod capacity. The version word says all there is to say about a slot: 0
// never used, 2m - 1 open for message m, 2m holds message m, complete. In a channel with gaps a complete slot
// may hold no message, only its sequence: a gap. Subscribers pass over it and count it as lost.
//
// Who may call it: RingPublisher the holder of the channel's lock, RingSubscriber any process, on a read-only
// mapping; one thread at a time per object. Neither owns the region.
//
// Invariants
//   1. A version never decreases, across publishers too. Who reads the same complete version before and after a
//      copy has copied exactly that message.
//   2. Outside publish() the slot of message head + 1 is open, from the region's creation on. A publisher that
//      dies in the middle of a message therefore leaves what an idle one leaves.
//   3. Head may be one behind the slots, never ahead of them.
//   4. A cursor moves back only by seek(). It moves only to what is delivered, or to what can never be: what
//      has a wrong size, a gap, what was discarded. What next() delivers has sequence == previous + 1 + lost.
//   5. Every call takes a bounded number of steps, whatever the region contains.
#pragma once

#include <seqcast/detail/follow.hpp>
#include <seqcast/detail/pace.hpp>
#include <seqcast/detail/reliable.hpp>

#include <chrono>
#include <optional>

namespace seqcast::inline v1::detail {

/// What the protocol asks of the machine. Tests pass other policies: staged ones, and the model checker's.
struct HardwarePolicy {
  using Word = detail::Word;

  static void fence(std::memory_order order) noexcept {
    std::atomic_thread_fence(order);
  }
  static constexpr std::size_t line_words() noexcept {
    return cache_line / word_size;
  }
  /// Bytes that a publisher stores between two stores of the progress.
  static constexpr std::size_t chunk_size() noexcept {
    return 16384;
  }
  /// How often a subscriber polls a progress that does not change before it gives up.
  static constexpr int max_polls() noexcept {
    return 100;
  }
  /// Between two polls: saves power, and time of the other thread of the core.
  static void pause() noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    asm volatile("yield");
#endif
  }
  /// Nanoseconds of the clock of publish times (CLOCK_MONOTONIC on Linux). Takes some tens of ns; a system call
  /// where the system has no vDSO.
  static std::uint64_t now() noexcept {
    const auto time = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
  }

  /// Has the processor bring a line that will be written. Nothing is stored.
  static void prefetch_line(const Word* words) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    asm volatile("prefetchw %0" : : "m"(*words)); // without a flag gcc's builtin brings it for reading only
#elif defined(__GNUC__)
    __builtin_prefetch(words, 1);
#endif
  }

  /// From this many bytes on string instructions pay (lib/docs/decisions/0008-string-instructions.md): from
  /// fewer where messages come without a pause.
  static constexpr std::size_t strings_from(bool hurried = false) noexcept {
    return hurried ? 3072 : 8192;
  }

  // The wide copies, and the prefetch likewise: relaxed stores and loads of many words, more than 8 bytes at a
  // time where the processor can. Compiled once, in lib/src/copy.cpp, so that no compiler sees what is in them,
  // and no flag of a user's translation unit changes them.
  static void copy_in(Word* to, const std::byte* from, std::size_t size, CopyMode mode) noexcept;
  static void copy_out(const Word* from, std::byte* to, std::size_t size, bool hurried) noexcept;
  static void prefetch_for_write(Word* words, std::size_t count) noexcept;
};

// The version word of a slot: 0 never used; 2m - 1 open for message m, whose bytes may be half stored; 2m holds
// message m, complete.
constexpr std::uint64_t open_version(std::uint64_t sequence) noexcept {
  return 2 * sequence - 1;
}
constexpr std::uint64_t complete_version(std::uint64_t sequence) noexcept {
  return 2 * sequence;
}
/// The message that a slot with this version holds or is open for.
constexpr std::uint64_t sequence_of(std::uint64_t version) noexcept {
  return version / 2 + version % 2;
}
/// The newest message that this version proves complete: its own, or the one before the open one.
constexpr std::uint64_t newest_proven(std::uint64_t version) noexcept {
  return version / 2;
}
/// False for a version that no publisher stores in slot `index`.
constexpr bool plausible(std::uint64_t version, std::uint64_t index, const Geometry& geometry) noexcept {
  return version == 0 || (version < 2 * sequence_limit && geometry.index_of(sequence_of(version)) == index);
}

constexpr std::uint64_t larger_of(std::uint64_t one, std::uint64_t other) noexcept {
  return one > other ? one : other;
}

/// The slot of message `sequence`: its first word.
template <class Word>
inline Word* slot_of(std::uint64_t sequence, Word* words, const Geometry& geometry) noexcept {
  return words + geometry.slots_word + ((sequence - 1) & (geometry.capacity - 1)) * geometry.stride_words;
}

/// A publish time; nothing for 0, where there is none, and for what no clock gives.
inline std::optional<std::chrono::steady_clock::time_point> time_point_of(std::uint64_t time_ns) noexcept {
  if (time_ns == 0 || time_ns >= std::uint64_t{1} << 62) return std::nullopt;
  const std::chrono::nanoseconds time{static_cast<std::int64_t>(time_ns)};
  using Clock = std::chrono::steady_clock;
  return Clock::time_point{std::chrono::duration_cast<Clock::duration>(time)};
}

/// The number that stands for a publish time, or for none.
inline std::uint64_t time_ns_of(const std::optional<std::chrono::steady_clock::time_point>& time) noexcept {
  if (!time) return 0;
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch());
  return static_cast<std::uint64_t>(since.count());
}

/// Opens the slot of message `sequence`, whose predecessors are complete.
template <class Word>
inline void open_slot(Word* slot, const Geometry& geometry, std::uint64_t sequence) noexcept {
  // relaxed: the release below makes it visible to whoever sees the slot open.
  if (geometry.progress_word != 0)
    slot[geometry.progress_word].store(pack_progress(sequence, 0), std::memory_order_relaxed);
  // [slot-opened] release: pairs with the acquire in load_version(), and with the fence in explain_change().
  // Otherwise the opening could become visible before the message that precedes it; the publisher dies in
  // between, and that message is lost although its successor's slot says that it was complete.
  slot[version_word].store(open_version(sequence), std::memory_order_release);
}

/// Has the sequence go on after `head`: what the slots hold is discarded, and each is opened for a sequence
/// that no subscriber waits for yet. A subscriber finds itself lapped, and what it has not received is lost.
/// Requires: the channel's lock; `head` is at least a lap above all that was published. Each store may be the
/// last one: Recovery::take_over() finishes it.
template <class Policy>
inline void discard_up_to(std::uint64_t head, typename Policy::Word* words, const Geometry& geometry) noexcept {
  // Before the versions, and before head: who finds one of those new finds `oldest`.
  PublisherHeader<Policy>{words}.store_oldest(head + 1);
  // [head] release: pairs with the acquire in load_head(), as in publish_with().
  words[head_word].store(head, std::memory_order_release);
  for (std::uint64_t sequence = head - geometry.capacity + 2; sequence <= head + 1; ++sequence) {
    open_slot(slot_of(sequence, words, geometry), geometry, sequence);
  }
}

template <class Word>
inline std::uint64_t load_version(const Word* slot) noexcept {
  // [message-ready] acquire: pairs with the release in publish_with().
  // Otherwise the words copied next could be older than the version that covers them.
  // [slot-opened] acquire: pairs with the release in open_slot(): an open slot proves the message
  // before complete.
  return slot[version_word].load(std::memory_order_acquire);
}

template <class Word>
inline std::uint64_t load_head(const Word* words) noexcept {
  // [head] acquire: pairs with the release in publish_with().
  // Otherwise the slots could be found older than head.
  return words[head_word].load(std::memory_order_acquire);
}

/// The publisher's side.
template <class Policy>
class RingPublisher {
 public:
  using Word = typename Policy::Word;

  RingPublisher() noexcept = default;

  /// Requires: `head` is what Recovery gave, or 0 for a new region.
  RingPublisher(Word* words, const Geometry& geometry, std::uint64_t head) noexcept
      : words_{words}, slot_{slot_of(head + 1, words, geometry)}, geometry_{geometry}, head_{head} {}

  /// Publishes the next message: `store_to` is called once with the payload's first word, to store `size` bytes
  /// there. Gives the message's sequence. `copied`: by publish(), which has an own way for large messages.
  /// `marks`: beside the size; none for a message.
  /// Requires: size <= geometry().max_message_size; time_ns is used only by a channel with timestamps.
  /// Progress: wait-free; the steps depend on `size` alone.
  template <std::uint32_t marks = 0, class Store>
  std::uint64_t publish_with(std::uint32_t size, std::uint64_t time_ns, const Store& store_to,
                             bool copied = false) noexcept {
    // Private state first, so that the stores into the slot follow each other closely: a polling subscriber
    // then takes the line away in the middle less often.
    const std::uint64_t sequence = head_ + 1;
    Word* const slot = slot_;
    const bool last_slot = (sequence & (geometry_.capacity - 1)) == 0;
    Word* const next_slot = last_slot ? words_ + geometry_.slots_word : slot + geometry_.stride_words;
    head_ = sequence;
    slot_ = next_slot;
    // Copies: as far as a compiler knows the stores into the slot could change geometry_.
    const std::size_t payload_word = geometry_.payload_word;
    const bool timestamps = geometry_.timestamps;

    // [slot-open] release fence: pairs with the acquire fence in load_version_after_copy().
    // Otherwise a subscriber could copy a word of this message and still find the version of the slot's
    // previous message. The release store that opened the slot would not do instead: it orders what came before
    // it, not after, and another thread or a dead publisher may have made it.
    Policy::fence(std::memory_order_release);
    store_to(slot + payload_word);
    // relaxed: part of the payload as far as ordering goes.
    slot[size_word].store(pack_size(size, marks), std::memory_order_relaxed);
    if (timestamps) slot[time_word].store(time_ns, std::memory_order_relaxed); // relaxed: likewise
    // [message-ready] release: pairs with the acquire in load_version(). This store makes the message visible.
    // Otherwise a subscriber could see the version before the words.
    slot[version_word].store(complete_version(sequence), std::memory_order_release);
    // [head] release: pairs with the acquire in load_head().
    // Otherwise a subscriber could find head ahead of the slots, and take an honest region for a corrupt one.
    words_[head_word].store(sequence, std::memory_order_release);
    open_slot(next_slot, geometry_, sequence + 1);

    prefetch_for_write(next_slot, payload_word, size, copied);
    prefetch_ahead(sequence);
    return sequence;
  }

  /// Publishes the `bytes` bytes at `from`, so that subscribers can follow where the channel has progress
  /// words. Size is a number or, for a type's messages, the std::integral_constant, so that each size has code
  /// of its own.
  template <class Size>
  std::uint64_t publish(const std::byte* from, Size bytes, std::uint64_t time_ns) noexcept {
    const std::uint32_t size = bytes;
    if (size > Policy::chunk_size() && geometry_.progress_word != 0) {
      const auto store = [&](Word* payload) {
        Word* const slot = payload - geometry_.payload_word;
        // head_ is this message's already
        store_in_chunks<Policy>(slot, geometry_, head_, from, size, time_ns, copy_mode(size));
      };
      return publish_with(size, time_ns, store, true);
    }
    const auto store = [&](Word* payload) { store_payload<Policy>(payload, from, bytes, copy_mode(size)); };
    return publish_with(size, time_ns, store, true);
  }

  /// Publishes a gap: the next sequence, without a message. Requires: geometry().gaps. Progress: wait-free.
  std::uint64_t publish_gap(std::uint64_t time_ns) noexcept {
    return publish_with<gap_mark>(0, time_ns, [](Word*) {});
  }

  /// Has the sequence go on after `head`, at once, however many gaps that makes; discards all messages.
  /// Requires: geometry().gaps; `head` is at least head() + geometry().capacity, and at most largest_skip_head.
  /// Progress: wait-free: opens each slot once.
  void jump(std::uint64_t head) noexcept {
    discard_up_to<Policy>(head, words_, geometry_);
    head_ = head;
    slot_ = slot_of(head + 1, words_, geometry_);
  }

  /// The payload of the open slot, for stores that are not atomic. No subscriber takes what is in it until
  /// publish_with(), whose `store_to` has nothing left to do. May be called again, and need not be followed
  /// by that.
  Word* open_payload() noexcept {
    // [slot-open] release fence: pairs with the acquire fence in load_version_after_copy(), as
    // in publish_with().
    Policy::fence(std::memory_order_release);
    // No compiler moves stores that are not atomic to before it.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return slot_ + geometry_.payload_word;
  }

  /// To be called after every PublisherPace::period-th message: finds out whether to bring lines ahead.
  void end_period() noexcept {
    const bool has_room = geometry_.capacity > 2 * PublisherPace::ahead;
    if (geometry_.stride_words == Policy::line_words() && has_room) pace_.end_period(Policy::now());
  }

  std::uint64_t head() const noexcept {
    return head_;
  }
  const Geometry& geometry() const noexcept {
    return geometry_;
  }

 private:
  CopyMode copy_mode(std::uint32_t size) const noexcept {
    if (pace_.hurried()) return CopyMode::hurried;
    return size > PublisherPace::fits_cache ? CopyMode::streamed : CopyMode::usual;
  }

  /// Prefetches the next slot's lines for a message of `size` bytes, where there are any beside the version's,
  /// which is here already, and where it pays.
  void prefetch_for_write(Word* next_slot, std::size_t payload_word, std::uint32_t size, bool copied) noexcept {
    if constexpr (requires { Policy::now(); }) {
      if (!pace_.pauses(size, Policy::now)) return;
      if (copied && size > PublisherPace::fits_cache) return; // streamed, then
    }
    const std::size_t line = Policy::line_words();
    const std::size_t end = payload_word + words_for(size);
    if (end <= line) return;
    // [slot-open] release fence: pairs with the acquire fence in load_version_after_copy(), as in
    // publish_with(): these are the first stores into the slot.
    Policy::fence(std::memory_order_release);
    if constexpr (requires { Policy::prefetch_for_write(next_slot, end); }) {
      if (size >= Policy::strings_from()) return Policy::prefetch_for_write(next_slot + line, end - line);
    }
    prefetch_lines<Policy>(next_slot + line, end - line);
  }

  /// Small messages that come without a pause: brings the line of a later slot, which takes longer to come than
  /// the messages until then.
  void prefetch_ahead(std::uint64_t sequence) noexcept {
    if constexpr (requires { Policy::now(); }) {
      if (pace_.line_ahead())
        Policy::prefetch_line(slot_of(sequence + PublisherPace::ahead, words_, geometry_));
    }
  }

  Word* words_ = nullptr;
  Word* slot_ = nullptr; // of message head + 1
  Geometry geometry_{};
  std::uint64_t head_ = 0;
  PublisherPace pace_{};
};

enum class ReadStatus : std::uint8_t {
  message,          // delivered
  nothing,          // no message yet
  overrun,          // the publisher lapped each of a bounded number of attempts
  corrupt,          // the region contains what no publisher stores
  wrong_size,       // a whole message of an impossible size; passed over
  buffer_too_small, // a whole message, longer than the caller's buffer; still unread
  demoted,          // the publisher no longer waits for this subscriber; given once
  gap,              // a sequence without a message: of a single attempt, no call gives it
};

struct ReadResult {
  ReadStatus status = ReadStatus::nothing;
  std::uint64_t sequence = 0; // of the message; with overrun of try_read(), of a newer one that is complete
  std::uint64_t lost = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0; // with message and with buffer_too_small
};

/// Where a message of exactly `size` bytes goes; null reads it in place. Size is as in
/// RingPublisher::publish().
template <class Size = std::uint32_t>
struct ExactDestination {
  static constexpr ReadStatus refusal = ReadStatus::wrong_size;
  std::byte* bytes;
  Size size;

  /// Whether a message with this marked_size() goes there.
  constexpr bool accepts(std::uint64_t found) const noexcept {
    return found == size;
  }
  /// What there is to copy; a constant for a constant size.
  constexpr std::size_t count(std::uint32_t) const noexcept {
    return size;
  }
  constexpr std::size_t most() const noexcept {
    return size;
  }
};

/// Where a message of up to `room` bytes goes; null reads it in place.
struct BufferDestination {
  static constexpr ReadStatus refusal = ReadStatus::buffer_too_small;
  std::byte* bytes;
  std::size_t room;

  constexpr bool accepts(std::uint64_t found) const noexcept {
    return found <= room;
  }
  constexpr std::size_t count(std::uint32_t found) const noexcept {
    return found;
  }
  constexpr std::size_t most() const noexcept {
    return room;
  }
};

/// The subscriber's side.
template <class Policy>
class RingSubscriber {
 public:
  using Word = typename Policy::Word;

  RingSubscriber() noexcept = default;

  /// Messages up to `cursor` count as read. None below `oldest` is ever delivered. After an overrun next()
  /// resumes `resume_behind` messages behind the newest: 0 to capacity - 2.
  RingSubscriber(const Word* words, const Geometry& geometry, std::uint64_t cursor, std::uint64_t oldest,
                 std::uint64_t resume_behind) noexcept
      : words_{words},
        geometry_{geometry},
        cursor_{cursor},
        previous_{cursor},
        oldest_{oldest},
        resume_behind_{resume_behind} {}

  /// The message after the cursor or, after an overrun, a later one, with the number lost in between. What is
  /// no message, but a gap, is passed over and counts as lost.
  /// Progress: at most 2 attempts, at most one copy each; at most `capacity` gaps are passed over.
  template <class Destination>
  ReadResult next(const Destination& to) noexcept {
    ReadResult read;
    read_next(to, read);
    advance(read);
    if (read.status == ReadStatus::nothing) caught_up();
    return read;
  }

  /// next() for up to `most` messages that follow each other: `to(i)` is where the i-th of them goes. Gives how
  /// many there are; `first` is the result for the first one. `most` is at least 1. A gap ends it, but before
  /// the first.
  /// Progress: as for next(), and at most one copy for each of the others.
  template <class To>
  std::size_t next_batch(std::size_t most, const To& to, ReadResult& first) noexcept {
    read_next(to(0), first);
    advance(first);
    if (first.status == ReadStatus::nothing) caught_up();
    if (first.status != ReadStatus::message) return 0;
    // All are copied before any is validated: one fence does for all.
    std::size_t copied = 1;
    for (; copied < most; ++copied) {
      const std::uint64_t sequence = first.sequence + copied;
      const auto destination = to(copied);
      const Word* const slot = slot_of(sequence, words_, geometry_);
      if (load_version(slot) != complete_version(sequence)) break;
      // relaxed: as in try_read(). What has another size is left to the next call, and so is a gap.
      const std::uint64_t size = marked_size(slot[size_word].load(std::memory_order_relaxed));
      if (!destination.accepts(size)) break;
      load_payload<Policy>(slot + geometry_.payload_word, destination.bytes,
                           destination.count(static_cast<std::uint32_t>(size)), pace_.hurried());
    }
    if (copied == 1) return 1;
    // [slot-open] acquire fence: as in load_version_after_copy(), for each slot that was copied.
    Policy::fence(std::memory_order_acquire);
    std::size_t whole = 1;
    while (whole < copied) {
      const std::uint64_t sequence = first.sequence + whole;
      // relaxed: the fence above is the order it needs.
      const std::uint64_t version =
          slot_of(sequence, words_, geometry_)[version_word].load(std::memory_order_relaxed);
      if (version != complete_version(sequence)) break; // overrun: the next call says so
      ++whole;
    }
    cursor_ = previous_ = first.sequence + whole - 1;
    return whole;
  }

  /// The newest complete message, read before or not; the cursor moves up to it. Nothing counts as lost. Gaps
  /// above it are passed over; nothing if there are only gaps.
  /// Progress: at most 4 attempts, at most two copies each; each passes over at most `capacity` gaps.
  template <class Destination>
  ReadResult latest(const Destination& to) noexcept {
    ReadResult read;
    read_latest(to, read);
    const std::uint64_t reached = cursor_; // beyond the message, where gaps above it were passed over before
    advance(read);
    cursor_ = larger_of(cursor_, reached);
    return read;
  }

  /// next() and latest() without a copy: the message stays in its slot, unread until validate().
  template <class Destination>
  ReadResult view(const Destination& in_place) noexcept {
    ReadResult read;
    read_next(in_place, read);
    if (read.status != ReadStatus::message) advance(read);
    if (read.status == ReadStatus::nothing) caught_up();
    return read;
  }
  template <class Destination>
  ReadResult latest_view(const Destination& in_place) noexcept {
    ReadResult read;
    read_latest(in_place, read);
    if (read.status == ReadStatus::wrong_size) cursor_ = larger_of(cursor_, read.sequence);
    return read;
  }
  const Word* payload_of(std::uint64_t sequence) const noexcept {
    return slot_of(sequence, words_, geometry_) + geometry_.payload_word;
  }
  /// Whether everything that was read at payload_of() since the view was this message, which then counts
  /// as read.
  bool validate(const ReadResult& viewed) noexcept {
    // No compiler moves loads that are not atomic to after it.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const std::uint64_t version = load_version_after_copy(slot_of(viewed.sequence, words_, geometry_));
    if (version != complete_version(viewed.sequence)) return false;
    if (viewed.sequence > cursor_) advance(viewed);
    return true;
  }

  /// Has next() go on with message `sequence`; with the oldest that is still there if it is older, and with the
  /// next one to come if it is newer. What lies before counts as lost. Gives the sequence that next() asks for.
  std::uint64_t seek(std::uint64_t sequence) noexcept {
    const bool reliable = reliable_.registered() && reliable_.report(cursor_);
    const std::uint64_t head = newest();
    previous_ = larger_of(sequence, 1) - 1;
    if (previous_ > head) previous_ = head;
    const std::uint64_t still_there = head + 2 > geometry_.capacity ? head + 2 - geometry_.capacity : 1;
    cursor_ = larger_of(previous_, larger_of(oldest(), still_there) - 1);
    if (reliable) reliable_.begin(cursor_); // it may have moved back
    return cursor_ + 1;
  }

  /// The newest sequence that is certainly complete; at least the cursor.
  std::uint64_t newest() const noexcept {
    const std::uint64_t head = larger_of(load_head(words_), cursor_);
    if (head >= sequence_limit - 1) return cursor_;
    const std::uint64_t version = load_version(slot_of(head + 1, words_, geometry_));
    return version == complete_version(head + 1) ? head + 1 : head;
  }

  /// Whether next() has something to report: a message, an overrun, or a version that is too high; or gaps to
  /// pass over.
  bool ready() const noexcept {
    return load_version(slot_of(cursor_ + 1, words_, geometry_)) >= complete_version(cursor_ + 1) ||
           reliable_.withdrawn();
  }

  /// ready(), where gaps behind the cursor are passed over first. False if nothing but gaps came.
  /// Progress: as for next(), without a copy.
  bool ready_after_gaps() noexcept {
    if (!geometry_.gaps) return ready();
    if (!ready()) return false;
    const ReliableSubscriber<Policy> before = reliable_;
    ReadResult read;
    read_next(BufferDestination{nullptr, geometry_.max_message_size}, read);
    // next() reports a demotion.
    if (read.status == ReadStatus::demoted) reliable_ = before;
    report(); // the publisher may wait for it
    return read.status != ReadStatus::nothing || ready();
  }

  /// Has the publisher wait for this subscriber from now on (reliable.hpp). If `from_newest`, what is published
  /// already is passed over.
  void register_reliable(const ReliableSubscriber<Policy>& reliable, bool from_newest) noexcept {
    reliable_ = reliable;
    reliable_.begin(cursor_);
    if (from_newest) previous_ = cursor_ = newest();
    report();
  }
  /// Reports the messages up to the cursor as received, before a sleep for example.
  void report() noexcept {
    reliable_.report(cursor_);
  }
  /// Receives by best effort from now on. Requires: it has been registered.
  void unregister() noexcept {
    reliable_.end();
  }
  /// Whether the publisher waits for this subscriber, as far as is known here.
  bool registered() const noexcept {
    return reliable_.registered();
  }

  std::uint64_t cursor() const noexcept {
    return cursor_;
  }
  const Geometry& geometry() const noexcept {
    return geometry_;
  }

 private:
  /// Of a reliable subscriber: reports what was received before this call. True, once, if it was demoted.
  /// Not inlined, and without the result, so that the usual case keeps that in registers.
  [[gnu::noinline, gnu::cold]] bool is_demoted() noexcept {
    const std::uint64_t before = reliable_.reported();
    if (reliable_.report(cursor_)) {
      measure_rate(cursor_ - before);
      return false;
    }
    reliable_.end();
    return true;
  }

  /// Of a reliable subscriber: that many messages were received since the last report.
  void measure_rate(std::uint64_t messages) noexcept {
    if constexpr (requires { Policy::now(); }) {
      if (messages > geometry_.capacity) return; // over a jump
      // relaxed: a guess at the size of all of them; nothing but time depends on it.
      const std::uint64_t size =
          unpack_size(slot_of(cursor_, words_, geometry_)[size_word].load(std::memory_order_relaxed));
      if (size >= PublisherPace::clock_from) pace_.received(messages * size, Policy::now());
    }
  }

  // Results are filled in by reference: gcc keeps what is returned by value in memory.

  /// One attempt to read message `sequence`.
  template <class Destination>
  void try_read(std::uint64_t sequence, const Destination& to, ReadResult& read) const noexcept {
    const Word* const slot = slot_of(sequence, words_, geometry_);
    const std::uint64_t version = load_version(slot);
    if (version != complete_version(sequence)) {
      if (to.most() > Policy::chunk_size() && to.bytes != nullptr && geometry_.progress_word != 0 &&
          version == open_version(sequence)) {
        return try_follow(slot, sequence, to, read);
      }
      return explain(version, sequence, read);
    }

    read.status = ReadStatus::message;
    read.sequence = sequence;
    read.lost = sequence - previous_ - 1;
    // relaxed: [message-ready] before and [slot-open] after order size, time and payload.
    const std::uint64_t size = marked_size(slot[size_word].load(std::memory_order_relaxed));
    read.size = static_cast<std::uint32_t>(size);
    read.time_ns = geometry_.timestamps ? slot[time_word].load(std::memory_order_relaxed) : 0;
    if (!to.accepts(size) || size > geometry_.max_message_size) [[unlikely]] {
      read.status = size <= geometry_.max_message_size      ? to.refusal
                    : geometry_.gaps && size == size_of_gap ? ReadStatus::gap
                                                            : ReadStatus::wrong_size;
    } else if (to.bytes != nullptr) {
      load_payload<Policy>(slot + geometry_.payload_word, to.bytes, to.count(read.size), pace_.hurried());
    }
    const std::uint64_t version_after = load_version_after_copy(slot);
    if (version_after != version) explain_change(version_after, sequence, read);
  }

  /// The same for a message that is still being written (follow.hpp).
  template <class Destination>
  void try_follow(const Word* slot, std::uint64_t sequence, const Destination& to,
                  ReadResult& read) const noexcept {
    read.status = ReadStatus::nothing;
    const Followed copied = follow<Policy>(words_, slot, geometry_, sequence, to, load_version<Word>,
                                           open_version(sequence), complete_version(sequence));
    if (!copied.complete) return;
    const std::uint64_t version_after = load_version_after_copy(slot);
    if (version_after != complete_version(sequence)) return explain_change(version_after, sequence, read);
    if (!is_still_epoch<Policy>(words_, copied.epoch)) return;
    read = {ReadStatus::message, sequence, sequence - previous_ - 1, copied.time_ns, copied.size};
  }

  /// The slot's version, after everything that was loaded from the slot.
  static std::uint64_t load_version_after_copy(const Word* slot) noexcept {
    // [slot-open] acquire fence: pairs with the release fence in publish_with(). It is what catches a
    // torn copy.
    // Otherwise the version could be read before the words above, and cover words stored after it.
    Policy::fence(std::memory_order_acquire);
    // relaxed: the fence above is the order it needs; a newer version is acquired in explain_change().
    return slot[version_word].load(std::memory_order_relaxed);
  }

  /// The version of message `sequence` changed during the copy: why.
  void explain_change(std::uint64_t version, std::uint64_t sequence, ReadResult& read) const noexcept {
    // [slot-opened] acquire fence: pairs with the releases in open_slot() and publish_with().
    // Otherwise the messages that the newer version proves complete might not be visible yet.
    Policy::fence(std::memory_order_acquire);
    explain(version, sequence, read);
    if (version < complete_version(sequence)) read.status = ReadStatus::corrupt; // it never decreases
  }

  /// The version is not that of message `sequence`, complete: why.
  void explain(std::uint64_t version, std::uint64_t sequence, ReadResult& read) const noexcept {
    read.status = ReadStatus::overrun;
    read.sequence = newest_proven(version);
    if (version < complete_version(sequence)) read.status = ReadStatus::nothing;
    // Head is stored before the slot after it is opened, so it is not behind what the version proves. Where it
    // is, no publisher has lapped this subscriber, and the overrun would be reported for ever.
    if (read.status == ReadStatus::overrun && load_head(words_) < (version - 1) / 2)
      read.status = ReadStatus::corrupt;
    if (!plausible(version, geometry_.index_of(sequence), geometry_)) read.status = ReadStatus::corrupt;
  }

  /// The first message that may be delivered: a publisher that discards messages stores it before it touches
  /// head or a slot.
  std::uint64_t oldest() const noexcept {
    return larger_of(oldest_, SubscriberHeader<Policy>{words_}.oldest());
  }

  template <class Destination>
  void read_next(const Destination& to, ReadResult& read) noexcept {
    if (reliable_.due(cursor_) && is_demoted()) [[unlikely]] {
      read.status = ReadStatus::demoted;
      return;
    }
    std::uint64_t sequence = cursor_ + 1;
    std::uint64_t newest = 0; // that was proved complete, once the loop has resumed
    for (std::uint64_t gaps = 0;;) {
      try_read(sequence, to, read);
      if (read.status == ReadStatus::gap) [[unlikely]] {
        const ReadStatus then = pass_gap(sequence++, ++gaps);
        if (then == ReadStatus::gap) continue;
        read.status = ReadStatus::nothing;
        if (then == ReadStatus::demoted) read.status = ReadStatus::demoted;
        return;
      }
      // In an honest region a message that was proved complete is there.
      if (read.status == ReadStatus::nothing && sequence <= newest) read.status = ReadStatus::corrupt;
      if (newest != 0 || read.status != ReadStatus::overrun) return;
      // Resume behind the newer of head and what the version proves: head may be stale, and a version is as old
      // as the last use of its slot, up to capacity - 2 messages (lib/docs/decisions/0002-resume-from-head.md).
      newest = larger_of(read.sequence, load_head(words_));
      const std::uint64_t first = oldest();
      if (newest >= sequence_limit || first >= sequence_limit) {
        read.status = ReadStatus::corrupt;
        return;
      }
      const bool reliable = reliable_.registered();
      // Of a reliable one: what is lost was published before the registration, and all else is still there. So is
      // what came after a jump, until it is lapped.
      const bool jumped = first > sequence && newest - first < geometry_.capacity - 1;
      const std::uint64_t behind = reliable || jumped ? geometry_.capacity - 2 : resume_behind_;
      sequence = larger_of(newest - behind, first);
      if (sequence == first) cursor_ = sequence - 1; // what lies before was discarded
      // After the loads above: who overwrote what is lost here had withdrawn the registration before.
      if (reliable && is_demoted()) {
        read.status = ReadStatus::demoted;
        return;
      }
    }
  }

  /// Passes over the gap at `sequence`, the `count`-th of this call. Gives ReadStatus::gap if the call goes on.
  [[gnu::noinline, gnu::cold]] ReadStatus pass_gap(std::uint64_t sequence, std::uint64_t count) noexcept {
    cursor_ = sequence;
    if (reliable_.due(cursor_) && is_demoted()) return ReadStatus::demoted;
    // After so many all that was there when the call began has been passed over.
    return count < geometry_.capacity ? ReadStatus::gap : ReadStatus::nothing;
  }

  template <class Destination>
  void read_latest(const Destination& to, ReadResult& read) noexcept {
    // Before a jump the publisher waits for the last message too.
    const bool due = geometry_.gaps ? reliable_.unreported(cursor_) : reliable_.due(cursor_);
    if (due && is_demoted()) [[unlikely]] {
      read.status = ReadStatus::demoted;
      return;
    }
    for (int attempt = 0; attempt < 4; ++attempt) {
      const std::uint64_t head = load_head(words_);
      // Head may be stale by one. Trying the message after the cursor too keeps latest() from going back
      // behind next().
      const std::uint64_t candidate = larger_of(head, cursor_ + 1);
      if (head < sequence_limit) {
        try_read(candidate, to, read);
      } else {
        read.status = ReadStatus::corrupt;
      }
      if (read.status == ReadStatus::nothing) {
        const std::uint64_t first = oldest();
        if (larger_of(head, cursor_) < first) { // what was published was discarded, or came before
          cursor_ = larger_of(head, cursor_);
          report(); // the publisher may wait for it
          return;
        }
        if (candidate != head) try_read(cursor_, to, read);
        // Head is never ahead of the slots, and the cursor's message was there before.
        if (read.status == ReadStatus::nothing) read.status = ReadStatus::corrupt;
      }
      if (read.status == ReadStatus::gap) [[unlikely]]
        read_before_gap(to, read);
      read.lost = 0; // what is passed over is skipped by choice
      if (read.status != ReadStatus::overrun) return;
    }
  }

  /// Of latest(), which has found a gap: the newest message before it; nothing if there is none. All that is
  /// newer is gaps, so that no newer message has ever been delivered.
  template <class Destination>
  void read_before_gap(const Destination& to, ReadResult& read) noexcept {
    const std::uint64_t newest = read.sequence;
    const std::uint64_t first = oldest();
    std::uint64_t left = geometry_.capacity - 2; // slots that may hold older messages
    while (read.status == ReadStatus::gap && left > 0 && read.sequence > first) {
      --left;
      try_read(read.sequence - 1, to, read);
      if (read.status == ReadStatus::nothing) read.status = ReadStatus::corrupt; // what is newer was there
    }
    if (read.status == ReadStatus::gap) read.status = ReadStatus::nothing;
    if (read.status == ReadStatus::message && read.sequence < previous_)
      previous_ = read.sequence; // that one was never delivered, since it is a gap
    const bool all_read = read.status == ReadStatus::message && read.sequence <= cursor_;
    if (all_read || read.status == ReadStatus::nothing) cursor_ = larger_of(cursor_, newest);
    if (reliable_.unreported(cursor_) && is_demoted()) read.status = ReadStatus::demoted;
  }

  /// Of a call that has found nothing. Lets a publisher that does not pause go ahead (pace.hpp). Without a
  /// clock, as in models, it does not.
  void caught_up() noexcept {
    if (geometry_.gaps) report(); // before a jump the publisher waits for the last message too
    if constexpr (requires { Policy::now(); }) {
      const auto is_complete = [this](std::uint64_t sequence) {
        // Not to be read yet: the order does not matter.
        return load_version(slot_of(sequence, words_, geometry_)) >= complete_version(sequence);
      };
      const std::uint64_t quarter = geometry_.capacity / 4;
      const std::uint64_t most = quarter < SubscriberPace::most_ahead ? quarter : SubscriberPace::most_ahead;
      pace_.caught_up(cursor_, most, is_complete, Policy::pause);
    }
  }

  void advance(const ReadResult& read) noexcept {
    if (read.status == ReadStatus::message || read.status == ReadStatus::wrong_size) cursor_ = read.sequence;
    if (read.status == ReadStatus::message) previous_ = read.sequence;
  }

  const Word* words_ = nullptr;
  Geometry geometry_{};
  std::uint64_t cursor_ = 0;   // the last message read, or passed over
  std::uint64_t previous_ = 0; // the last message delivered: `lost` counts from it
  std::uint64_t oldest_ = 1;
  std::uint64_t resume_behind_ = 0;
  ReliableSubscriber<Policy> reliable_{};
  SubscriberPace pace_{};
};

/// A slot as an inspector finds it.
struct SlotSample {
  std::uint64_t version_before = 0;
  std::uint64_t version_after = 0; // the same if nothing changed meanwhile
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0; // bytes, as stored
  bool gap = false;       // as stored
};

/// Copies what is in a slot, whatever its state, one attempt. Requires: room for max_message_size bytes
/// or fewer.
template <class Policy>
SlotSample sample_slot(const typename Policy::Word* slot, const Geometry& geometry,
                       std::span<std::byte> payload) noexcept {
  SlotSample sample{.version_before = load_version(slot)};
  // relaxed: as in try_read().
  const std::uint64_t size = marked_size(slot[size_word].load(std::memory_order_relaxed));
  sample.size = static_cast<std::uint32_t>(size);
  sample.gap = geometry.gaps && size == size_of_gap;
  if (geometry.timestamps) sample.time_ns = slot[time_word].load(std::memory_order_relaxed);
  load_payload<Policy>(slot + geometry.payload_word, payload.data(), payload.size(), false);
  // [slot-open] acquire fence, then relaxed: as in load_version_after_copy().
  Policy::fence(std::memory_order_acquire);
  sample.version_after = slot[version_word].load(std::memory_order_relaxed);
  return sample;
}

} // namespace seqcast::inline v1::detail
