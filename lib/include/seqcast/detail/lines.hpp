// SPDX-License-Identifier: BSL-1.0
//
// lines: the words of a region that are not slots: head, and what changes when a publisher comes or goes. Both
// sides; each tag in brackets has its paragraph in lib/docs/ordering.md.
//
// Who may call it: PublisherLines the holder of the channel's lock, SubscriberLines anybody, on a read-only
// mapping. Both are views.
//
// Invariants
//   1. Head may be one behind the slots, never ahead of them.
//   2. Every call takes a bounded number of steps.
#pragma once

#include <seqcast/detail/layout.hpp>

#include <utility>

namespace seqcast::inline v1::detail {

/// The words that are not slots: head, and what changes when a publisher comes or goes.
template <class Atomics>
class PublisherLines {
 public:
  using Word = typename Atomics::Word;

  explicit PublisherLines(Word* words) noexcept : words_{words} {}

  void store_head(std::uint64_t sequence) const noexcept {
    // [head] release: pairs with the acquire in SubscriberLines::head().
    // Otherwise a subscriber could find head ahead of the slots, and take an honest region for a corrupt one.
    at(head_offset).store(sequence, std::memory_order_release);
  }

  void store_state(StateWord state) const noexcept {
    // [state] release: pairs with the acquire in SubscriberLines::state().
    // Otherwise "closed" could be seen before the last message.
    at(state_offset).store(static_cast<std::uint64_t>(state), std::memory_order_release);
  }

  /// Makes `epoch` the current one, with the sequence its publisher begins with.
  void store_epoch(std::uint64_t epoch, std::uint64_t first_sequence) const noexcept {
    // [epoch] release fence: pairs with the acquire fence in SubscriberLines::epoch().
    // Otherwise a first sequence of this epoch could be taken for that of epoch - 2, whose place it takes.
    Atomics::fence(std::memory_order_release);
    // relaxed: the fence before and the release after order it.
    at(first_sequence_offset + (epoch & 1) * word_size).store(first_sequence, std::memory_order_relaxed);
    // [epoch] release: pairs with the acquire in SubscriberLines::epoch().
    // Otherwise the epoch could be seen before its first sequence.
    at(epoch_offset).store(epoch, std::memory_order_release);
  }

  void store_oldest(std::uint64_t sequence) const noexcept {
    // relaxed: whoever opens afterwards reads it behind the boot id or the magic, which are releases.
    at(oldest_offset).store(sequence, std::memory_order_relaxed);
  }

  void store_process(std::uint64_t process) const noexcept {
    at(process_offset).store(process, std::memory_order_relaxed); // relaxed: a hint for people
  }

  void store_boot(const std::array<std::uint64_t, 2>& boot) const noexcept {
    // [boot] release: pairs with the acquire in SubscriberLines::boot().
    // Otherwise the boot id could stand for content of an earlier boot that was not discarded yet.
    at(boot_offset).store(boot[0], std::memory_order_release);
    at(boot_offset + word_size).store(boot[1], std::memory_order_release);
  }

 private:
  Word& at(std::size_t offset) const noexcept {
    return words_[offset / word_size];
  }
  Word* words_;
};

/// The same words, for whoever only looks.
template <class Atomics>
class SubscriberLines {
 public:
  using Word = typename Atomics::Word;

  explicit SubscriberLines(const Word* words) noexcept : words_{words} {}

  std::uint64_t head() const noexcept {
    // [head] acquire: pairs with the release in PublisherLines::store_head().
    return at(head_offset).load(std::memory_order_acquire);
  }

  StateWord state() const noexcept {
    // [state] acquire: pairs with the release in PublisherLines::store_state().
    return static_cast<StateWord>(at(state_offset).load(std::memory_order_acquire));
  }

  /// The current epoch and its first sequence, of one and the same publisher; {0, 0} if they changed at each of
  /// a few looks.
  std::pair<std::uint64_t, std::uint64_t> epoch() const noexcept {
    for (int attempt = 0; attempt < 4; ++attempt) {
      // [epoch] acquire: pairs with the release in PublisherLines::store_epoch().
      const std::uint64_t epoch = at(epoch_offset).load(std::memory_order_acquire);
      // relaxed: the acquire before and the fence after order it.
      const std::uint64_t first =
          at(first_sequence_offset + (epoch & 1) * word_size).load(std::memory_order_relaxed);
      // [epoch] acquire fence: pairs with the release fence in PublisherLines::store_epoch().
      Atomics::fence(std::memory_order_acquire);
      // relaxed: the fence above is the order it needs.
      if (at(epoch_offset).load(std::memory_order_relaxed) == epoch) return {epoch, first};
    }
    return {0, 0};
  }

  /// The epoch alone, before following a message that is being written.
  std::uint64_t epoch_number() const noexcept {
    // [epoch] acquire: pairs with the release in PublisherLines::store_epoch().
    // Otherwise the progress looked at next could be that of the publisher before.
    return at(epoch_offset).load(std::memory_order_acquire);
  }
  /// The same after unchanged() has seen the message complete.
  std::uint64_t epoch_number_again() const noexcept {
    // relaxed: whoever completed the message had stored its epoch before, and [message-ready] has acquired
    // that.
    return at(epoch_offset).load(std::memory_order_relaxed);
  }

  std::uint64_t oldest() const noexcept {
    return at(oldest_offset).load(std::memory_order_relaxed); // relaxed: see store_oldest()
  }

  std::uint64_t process() const noexcept {
    return at(process_offset).load(std::memory_order_relaxed); // relaxed: a hint for people
  }

  std::array<std::uint64_t, 2> boot() const noexcept {
    // [boot] acquire: pairs with the release in PublisherLines::store_boot().
    return {at(boot_offset).load(std::memory_order_acquire),
            at(boot_offset + word_size).load(std::memory_order_acquire)};
  }

 private:
  const Word& at(std::size_t offset) const noexcept {
    return words_[offset / word_size];
  }
  const Word* words_;
};

} // namespace seqcast::inline v1::detail
