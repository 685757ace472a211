// SPDX-License-Identifier: BSL-1.0
//
// doorbell: how a subscriber that sleeps is woken, and a publisher is spared the system call while nobody does.
// Both sides; each tag in brackets has its paragraph in lib/docs/ordering.md.
//
//     publisher                                subscriber
//     ---------                                ----------
//     (message published)                      word                acquire  [bell-word]
//     fence     seq_cst [bell-look], lately    flag = 1            relaxed
//     flag == 0?  done      relaxed            fence               seq_cst  [bell-look]
//     flag = 0              relaxed            look at the slot once more
//     word + 1  release     [bell-word]        sleep for as long as the word is what it was
//     wake all who sleep on the word
//
// "Lately": the fence waits for the lines that a polling subscriber has just taken, about one line transfer, so
// a publisher leaves it out when its last `guarded_messages` messages found nobody asleep. Whoever falls asleep
// just then may be overlooked once; that is why the first sleep of a wait is a short one, with another look
// after it (lib/docs/decisions/0001-doorbell-fence.md).
//
// Who may call it: DoorbellPublisher the holder of the channel's lock, DoorbellSubscriber anybody who may write
// the bell. Neither waits here: the system calls are the caller's.
//
// Invariants
//   1. A sleeper that a guarded publisher does not wake has seen the message before it slept.
//   2. The bell orders nothing but sleep: no message is believed because of it. A hostile bell costs sleepers a
//      slice, and the publisher one system call a message.
#pragma once

#include <seqcast/detail/layout.hpp>

namespace seqcast::inline v1::detail {

template <class Atomics>
class DoorbellPublisher {
 public:
  using Word = typename Atomics::Word;

  /// Messages that keep the fence after the last one that found somebody asleep.
  static constexpr std::uint32_t guarded_messages = 64;

  /// No bell.
  DoorbellPublisher() noexcept = default;

  /// A bell with a flag; or, with no flag, a word that is rung for every message.
  DoorbellPublisher(Word* flag, Word* word) noexcept : flag_{flag}, word_{word} {}

  bool present() const noexcept {
    return word_ != nullptr;
  }
  const Word* word() const noexcept {
    return word_;
  }

  /// To be called after each message; true if whoever sleeps on word() is to be woken.
  bool published() noexcept {
    if (flag_ != nullptr && !somebody_sleeps()) return false;
    guarded_ = guarded_messages;
    ring();
    return true;
  }

  /// Rings whether somebody sleeps or not; the caller then wakes all who sleep on word().
  void ring() const noexcept {
    // relaxed: the release below keeps it before the new word. Bumping first and clearing then could wipe out
    // the flag of somebody who has already seen the new word and sleeps on it.
    if (flag_ != nullptr) flag_->store(0, std::memory_order_relaxed);
    // [bell-word] release: pairs with the acquire in DoorbellSubscriber::prepare().
    // Otherwise a sleeper could take the new word and yet have its flag wiped out by the store above.
    // The load is relaxed: only the holder of the lock bumps the word.
    word_->store(word_->load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  bool somebody_sleeps() noexcept {
    if (guarded_ > 0) {
      --guarded_;
      // [bell-look] seq_cst: pairs with the fence in DoorbellSubscriber::prepare().
      // Otherwise this look at the flag could come before the message is visible, and the subscriber's look at
      // the slot before its flag is: both would find nothing, and the subscriber would sleep on.
      Atomics::fence(std::memory_order_seq_cst);
    }
    // Without the fence it is the store buffer alone that may come in between, not the compiler.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // relaxed: the fence is the order it needs, and the flag carries no data.
    return flag_->load(std::memory_order_relaxed) != 0;
  }

  Word* flag_ = nullptr;
  Word* word_ = nullptr;
  std::uint32_t guarded_ = guarded_messages;
};

template <class Atomics>
class DoorbellSubscriber {
 public:
  using Word = typename Atomics::Word;

  /// No bell.
  DoorbellSubscriber() noexcept = default;

  /// A bell with a flag.
  DoorbellSubscriber(Word* flag, const Word* word) noexcept : flag_{flag}, word_{word} {}

  /// A word that is rung for every message.
  explicit DoorbellSubscriber(const Word* word) noexcept : word_{word} {}

  bool present() const noexcept {
    return word_ != nullptr;
  }
  const Word* word() const noexcept {
    return word_;
  }

  /// The word's low half, to be asked for before a look at what a ring may be about. If prepare() gives another
  /// one afterwards, that look is not the last word.
  std::uint32_t seen() const noexcept {
    // [bell-word] acquire: pairs with the release in DoorbellPublisher::ring().
    // Otherwise the look could miss what the ring was about, and prepare() give the same word.
    return static_cast<std::uint32_t>(word_->load(std::memory_order_acquire));
  }

  /// To be called before sleeping. Gives what the word's low half has to be for the sleep to begin; between the
  /// two the caller looks at the slot once more.
  std::uint32_t prepare() const noexcept {
    // [bell-word] acquire: pairs with the release in DoorbellPublisher::ring().
    // Otherwise a sleeper could take the new word and yet have its flag wiped out by the clearing before it.
    // Without a flag it is what orders the look at the slot after the look at the word.
    const std::uint64_t word = word_->load(std::memory_order_acquire);
    if (flag_ != nullptr) {
      // relaxed: the fence below is the order it needs.
      flag_->store(1, std::memory_order_relaxed);
      // [bell-look] seq_cst: pairs with the fence in DoorbellPublisher::somebody_sleeps().
      // Otherwise the look at the slot could come before the flag is visible.
      Atomics::fence(std::memory_order_seq_cst);
    }
    return static_cast<std::uint32_t>(word);
  }

 private:
  Word* flag_ = nullptr;
  const Word* word_ = nullptr;
};

/// A word of this process that other threads bump, to wake the one that sleeps on it beside its doorbells.
class Interruption {
 public:
  const Word* word() const noexcept {
    return &word_;
  }
  /// To be called before looking at what others may have changed; gives what sleep_on() is to expect.
  std::uint32_t prepare() const noexcept {
    // [interruption] acquire: pairs with the release in raise().
    // Otherwise the change could be overlooked after its bump was seen, and the sleep begin.
    return static_cast<std::uint32_t>(word_.load(std::memory_order_acquire));
  }
  /// To be called after the change; the caller then wakes who sleeps on word().
  void raise() noexcept {
    // [interruption] release: pairs with the acquire in prepare().
    word_.fetch_add(1, std::memory_order_release);
  }

 private:
  Word word_{0};
};

} // namespace seqcast::inline v1::detail
