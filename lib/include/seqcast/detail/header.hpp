// SPDX-License-Identifier: BSL-1.0
//
// header: the words of a region that are not slots, except head, which ring.hpp loads and stores. They
// change only when a publisher opens or closes the channel. Both sides; each tag in brackets has its
// paragraph in lib/docs/ordering.md.
//
// Who may call it: PublisherHeader the holder of the channel's lock, SubscriberHeader any process, on a
// read-only mapping. Both are views: copying one copies a pointer.
//
// Invariants
//   1. Every call takes a bounded number of steps.
#pragma once

#include <seqcast/detail/layout.hpp>

#include <utility>

namespace seqcast::inline v1::detail {

template <class Policy>
class PublisherHeader {
 public:
  using Word = typename Policy::Word;

  explicit PublisherHeader(Word* words) noexcept : words_{words} {}

  void store_state(StateWord state) const noexcept {
    // [state] release: pairs with the acquire in SubscriberHeader::state().
    // Otherwise a subscriber could see "closed" before the last message.
    words_[state_word].store(static_cast<std::uint64_t>(state), std::memory_order_release);
  }

  /// Begins `epoch`, whose publisher begins with `first_sequence`.
  void store_epoch(std::uint64_t epoch, std::uint64_t first_sequence) const noexcept {
    // [epoch] release fence: pairs with the acquire fence in SubscriberHeader::epoch().
    // Otherwise a subscriber could take the first sequence of this epoch for that of epoch - 2, which
    // it overwrites.
    Policy::fence(std::memory_order_release);
    // relaxed: the fence before and the release after order it.
    words_[first_sequence_word + (epoch & 1)].store(first_sequence, std::memory_order_relaxed);
    // [epoch] release: pairs with the acquires in SubscriberHeader::epoch() and epoch_number().
    // Otherwise a subscriber could see the epoch before its first sequence.
    words_[epoch_word].store(epoch, std::memory_order_release);
  }

  /// In a mirror: the epoch of its origin, which need not follow the one before.
  void store_origin_epoch(std::uint64_t epoch, std::uint64_t first_sequence) const noexcept {
    words_[origin_epoch_word].store(0, std::memory_order_relaxed); // relaxed: the fence orders it
    // [origin-epoch] release fence: pairs with the acquire fence in SubscriberHeader::origin_epoch().
    // Otherwise a subscriber could find the epoch before with this one's first sequence.
    Policy::fence(std::memory_order_release);
    // relaxed: the fence before and the release after order it.
    words_[origin_epoch_word + 1].store(first_sequence, std::memory_order_relaxed);
    // [origin-epoch] release: pairs with the acquire in SubscriberHeader::origin_epoch().
    // Otherwise a subscriber could see the epoch before its first sequence.
    words_[origin_epoch_word].store(epoch, std::memory_order_release);
  }

  void store_oldest(std::uint64_t sequence) const noexcept {
    // relaxed: head, the boot or the magic is stored after it with release, and loaded before it by those who
    // need it.
    words_[oldest_word].store(sequence, std::memory_order_relaxed);
  }

  void store_process(std::uint64_t process) const noexcept {
    words_[process_word].store(process, std::memory_order_relaxed); // relaxed: for people only
  }

  /// The time of the boot in nanoseconds by the wall clock, or 0.
  void store_boot(const std::array<std::uint64_t, 2>& id, std::uint64_t time_ns) const noexcept {
    // [boot] release: pairs with the acquires in SubscriberHeader::boot_id() and boot_time().
    // Otherwise they could stand for content of an earlier boot that was not discarded yet.
    words_[boot_time_word].store(time_ns, std::memory_order_release);
    words_[boot_word].store(id[0], std::memory_order_release);
    words_[boot_word + 1].store(id[1], std::memory_order_release);
  }

 private:
  Word* words_;
};

/// The same words, to be read.
template <class Policy>
class SubscriberHeader {
 public:
  using Word = typename Policy::Word;

  explicit SubscriberHeader(const Word* words) noexcept : words_{words} {}

  StateWord state() const noexcept {
    // [state] acquire: pairs with the release in PublisherHeader::store_state().
    return static_cast<StateWord>(words_[state_word].load(std::memory_order_acquire));
  }

  /// The current epoch and its first sequence, of one and the same publisher. {0, 0}, which is no epoch, if
  /// another publisher came during each of a few attempts.
  std::pair<std::uint64_t, std::uint64_t> epoch() const noexcept {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const std::uint64_t epoch = epoch_number();
      // relaxed: the acquire before and the fence after order it.
      const std::uint64_t first = words_[first_sequence_word + (epoch & 1)].load(std::memory_order_relaxed);
      // [epoch] acquire fence: pairs with the release fence in PublisherHeader::store_epoch().
      Policy::fence(std::memory_order_acquire);
      // relaxed: the fence above is the order it needs.
      if (words_[epoch_word].load(std::memory_order_relaxed) == epoch) return {epoch, first};
    }
    return {0, 0};
  }

  /// In a mirror: the epoch of its origin. {0, 0} if it is not known, or changed during each of a few attempts.
  std::pair<std::uint64_t, std::uint64_t> origin_epoch() const noexcept {
    for (int attempt = 0; attempt < 4; ++attempt) {
      // [origin-epoch] acquire: pairs with the release in PublisherHeader::store_origin_epoch().
      const std::uint64_t epoch = words_[origin_epoch_word].load(std::memory_order_acquire);
      // relaxed: the acquire before and the fence after order it.
      const std::uint64_t first = words_[origin_epoch_word + 1].load(std::memory_order_relaxed);
      // [origin-epoch] acquire fence: pairs with the release fence in PublisherHeader::store_origin_epoch().
      Policy::fence(std::memory_order_acquire);
      // relaxed: the fence above is the order it needs.
      const bool same = words_[origin_epoch_word].load(std::memory_order_relaxed) == epoch;
      if (same && epoch != 0) return {epoch, first};
    }
    return {0, 0};
  }

  std::uint64_t epoch_number() const noexcept {
    // [epoch] acquire: pairs with the release in PublisherHeader::store_epoch().
    // Otherwise what is loaded next, the first sequence or a progress, could be that of the publisher before.
    return words_[epoch_word].load(std::memory_order_acquire);
  }

  std::uint64_t oldest() const noexcept {
    return words_[oldest_word].load(std::memory_order_relaxed); // relaxed: see store_oldest()
  }

  std::uint64_t process() const noexcept {
    return words_[process_word].load(std::memory_order_relaxed); // relaxed: for people only
  }

  std::uint64_t boot_time() const noexcept {
    // [boot] acquire: pairs with the release in PublisherHeader::store_boot().
    return words_[boot_time_word].load(std::memory_order_acquire);
  }

  std::array<std::uint64_t, 2> boot_id() const noexcept {
    // [boot] acquire: pairs with the release in PublisherHeader::store_boot().
    return {words_[boot_word].load(std::memory_order_acquire),
            words_[boot_word + 1].load(std::memory_order_acquire)};
  }

 private:
  const Word* words_;
};

} // namespace seqcast::inline v1::detail
