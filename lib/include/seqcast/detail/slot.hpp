// SPDX-License-Identifier: BSL-1.0
//
// slot: one sequence-locked message, both sides of it. This is the file of the memory orderings; each tag in
// brackets has its paragraph in lib/docs/ordering.md, and `git grep` of a tag shows both of its ends.
//
// The version word says all there is to say about a slot:
//     0        never used
//     2m - 1   open for message m: its bytes are not to be believed
//     2m       holds message m, complete
//
//     publisher                            subscriber
//     ---------                            ----------
//     (version == 2m - 1)                  v = version         acquire   [message-ready]
//     fence            release [slot-open] copy size, payload  relaxed
//     store size, payload      relaxed     fence               acquire   [slot-open]
//     version = 2m     release             v' = version        relaxed
//             [message-ready]              v' == v: the copy is message v / 2, whole
//     version = 2n - 1 release             otherwise it is thrown away
//             [slot-opened]
//
// Who may call it: PublisherSlot only the one publisher that holds the channel's lock; SubscriberSlot anybody,
// on a read-only mapping. Both are views; copying one copies nothing but a pointer.
//
// Invariants
//   1. A version never decreases, across publishers too.
//   2. Whoever reads the same complete version before and after a copy has copied exactly that message.
//   3. No function here loops on a condition: the number of steps depends on the message's size alone.
#pragma once

#include <seqcast/detail/clock.hpp>
#include <seqcast/detail/payload.hpp>

namespace seqcast::inline v1::detail {

/// The atomics that are shipped. Tests put others in their place: staged ones, and the model checker's.
struct HardwareAtomics {
  using Word = detail::Word;

  static void fence(std::memory_order order) noexcept {
    std::atomic_thread_fence(order);
  }

  static constexpr std::size_t line_words() noexcept {
    return cache_line / word_size;
  }
  /// Bytes that a publisher stores between two words about its progress.
  static constexpr std::size_t chunk_size() noexcept {
    return 16384;
  }
  /// Looks at a progress that does not change before a subscriber gives up.
  static constexpr int most_looks() noexcept {
    return 100;
  }

  /// What a core does between two looks, to save power and the other thread of the core's time.
  static void pause() noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    asm volatile("yield");
#endif
  }

  /// Nanoseconds, to tell whether a publisher pauses between its messages.
  static std::uint64_t now() noexcept {
    return monotonic_now();
  }

  // The wide copies, and own_lines() likewise: relaxed stores and loads of many words, more than 8 bytes at a
  // time where the processor can. Compiled once, in lib/src/copy.cpp, so that no compiler sees what is in them,
  // and no flag of a user's translation unit changes them.
  static void copy_in(Word* to, const std::byte* from, std::size_t size) noexcept;
  static void copy_out(const Word* from, std::byte* to, std::size_t size) noexcept;
  static void own(Word* words, std::size_t count) noexcept;
};

// Arithmetic on versions.
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
/// False for a version that no honest publisher stores in slot `index`.
constexpr bool plausible(std::uint64_t version, std::uint64_t index, const Geometry& geometry) noexcept {
  return version == 0 || (version < 2 * sequence_limit && geometry.index_of(sequence_of(version)) == index);
}

/// How far the payload of an open slot is written: whole words of `bytes` bytes, of this message.
constexpr std::uint64_t pack_progress(std::uint64_t sequence, std::uint32_t bytes) noexcept {
  return sequence << 32 | bytes;
}
/// In whole words; 0 for a progress of another message.
constexpr std::uint32_t progress_in(std::uint64_t word, std::uint64_t sequence) noexcept {
  return word >> 32 == (sequence & 0xFFFF'FFFF) ? static_cast<std::uint32_t>(word) & ~7U : 0;
}

/// The publisher's half.
template <class Atomics>
class PublisherSlot {
 public:
  using Word = typename Atomics::Word;

  PublisherSlot(Word* words, std::size_t payload_word, std::size_t progress_word = 0) noexcept
      : words_{words}, payload_word_{payload_word}, progress_word_{progress_word} {}

  /// To be called before the first store into an open slot, by whoever makes that store.
  /// Requires: the slot is open for the message about to be stored, by this publisher or by a dead one.
  void begin() const noexcept {
    // [slot-open] release: pairs with the acquire fence in unchanged().
    // Otherwise a subscriber could copy a word of this message and still find the version of the one before.
    // A release store when the slot was opened would not do: it orders what came before it, not after, and a
    // successor or another thread did not make that store.
    Atomics::fence(std::memory_order_release);
  }

  /// To be called after begin() where the stores that follow are not atomic: no compiler makes them sooner.
  static void begin_in_place() noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  void store_size(std::uint32_t size) const noexcept {
    // relaxed: part of the payload as far as ordering goes.
    words_[size_word].store(pack_size(size), std::memory_order_relaxed);
  }

  void store_time(std::uint64_t nanoseconds) const noexcept {
    // relaxed: part of the payload as far as ordering goes.
    words_[time_word].store(nanoseconds, std::memory_order_relaxed);
  }

  Word* payload() const noexcept {
    return words_ + payload_word_;
  }

  /// Says that the first `bytes` of the payload, and the size, are stored. Requires: the channel has progress.
  void store_progress(std::uint64_t sequence, std::uint32_t bytes) const noexcept {
    // [progress] release: pairs with the acquire in SubscriberSlot::progress().
    // Otherwise a subscriber that follows could copy words that are not stored yet.
    words_[progress_word_].store(pack_progress(sequence, bytes), std::memory_order_release);
  }

  void complete(std::uint64_t sequence) const noexcept {
    // [message-ready] release: pairs with the acquire in version().
    // Otherwise a subscriber could see the version before the words.
    words_[version_word].store(complete_version(sequence), std::memory_order_release);
  }

  void open(std::uint64_t sequence) const noexcept {
    // relaxed: the release below makes it visible to whoever sees the slot open.
    if (progress_word_ != 0) {
      words_[progress_word_].store(pack_progress(sequence, 0), std::memory_order_relaxed);
    }
    // [slot-opened] release: pairs with the acquire in version(), and with the fence in moved_on().
    // Otherwise the opening could become visible before the message that precedes it; the publisher dies in
    // between, and that message is lost although its successor's slot says that it was complete.
    words_[version_word].store(open_version(sequence), std::memory_order_release);
  }

  /// A version as the dead publisher before this one left it.
  std::uint64_t version() const noexcept {
    // [message-ready] acquire: pairs with the release in complete(), of the dead publisher, whose messages then
    // happen before those of this one. Take-over would be right without (ordering.md says why); it is free
    // here.
    return words_[version_word].load(std::memory_order_acquire);
  }

  /// Empties a slot whose content did not survive a reboot.
  void discard() const noexcept {
    // relaxed: nobody looks for the messages below `oldest`, and the boot id that follows is a release.
    words_[version_word].store(0, std::memory_order_relaxed);
  }

  /// Takes the lines of the first `bytes` of the payload for this core, but for the one that holds the version,
  /// which open() has just taken.
  /// Requires: the slot is open, by this publisher.
  void own_ahead(std::size_t bytes) const noexcept {
    const std::size_t line = Atomics::line_words();
    const std::size_t end = payload_word_ + words_for(bytes);
    if (end <= line) return;
    begin(); // these are the first stores into the slot
    if constexpr (requires { Atomics::own(words_, end); }) {
      if (bytes >= strings_from) return Atomics::own(words_ + line, end - line);
    }
    own_lines<Atomics>(words_ + line, end - line);
  }

 private:
  Word* words_;
  std::size_t payload_word_;
  std::size_t progress_word_;
};

/// The subscriber's half. A read is: version(), the loads, unchanged(), and, if it was not, moved_on().
template <class Atomics>
class SubscriberSlot {
 public:
  using Word = typename Atomics::Word;

  SubscriberSlot(const Word* words, std::size_t payload_word, std::size_t progress_word = 0) noexcept
      : words_{words}, payload_word_{payload_word}, progress_word_{progress_word} {}

  std::uint64_t version() const noexcept {
    // [message-ready] acquire: pairs with the release in complete().
    // Otherwise the words copied next could be older than the version that vouches for them.
    // [slot-opened] acquire: pairs with the release in open(): an open slot vouches for the message before.
    return words_[version_word].load(std::memory_order_acquire);
  }

  std::uint32_t size() const noexcept {
    // relaxed: as for the payload, in load_payload().
    return unpack_size(words_[size_word].load(std::memory_order_relaxed));
  }

  std::uint64_t time() const noexcept {
    // relaxed: as for the payload, in load_payload().
    return words_[time_word].load(std::memory_order_relaxed);
  }

  const Word* payload() const noexcept {
    return words_ + payload_word_;
  }

  /// How many bytes of message `sequence` are stored in the slot, which is open for it.
  /// Requires: the channel has progress.
  std::uint32_t progress(std::uint64_t sequence) const noexcept {
    // [progress] acquire: pairs with the release in PublisherSlot::store_progress().
    // Otherwise the words copied next could be older than the progress that vouches for them.
    return progress_in(words_[progress_word_].load(std::memory_order_acquire), sequence);
  }

  /// To be called before unchanged() where the loads were not atomic: no compiler makes them later.
  void end_in_place() const noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  /// Whether everything loaded since version() gave `before` belongs to that version. `now` is the version
  /// found at the end.
  bool unchanged(std::uint64_t before, std::uint64_t& now) const noexcept {
    // [slot-open] acquire: pairs with the release fence in begin().
    // Otherwise the version below could be read before the words above, and vouch for words stored after it.
    Atomics::fence(std::memory_order_acquire);
    // relaxed: the fence above is the order it needs; a newer version is acquired in moved_on().
    now = words_[version_word].load(std::memory_order_relaxed);
    return now == before;
  }

  /// To be called after unchanged() gave a newer version, before anything is concluded from that version.
  void moved_on() const noexcept {
    // [slot-opened] acquire: pairs with the release in open() and in complete().
    // Otherwise the messages that the newer version proves complete might not be visible yet.
    Atomics::fence(std::memory_order_acquire);
  }

 private:
  const Word* words_;
  std::size_t payload_word_;
  std::size_t progress_word_;
};

} // namespace seqcast::inline v1::detail
