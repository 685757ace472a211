// SPDX-License-Identifier: BSL-1.0
//
// doorbell: how a sleeping subscriber is woken, and how a publisher avoids the system call while none sleeps.
// The flag and the word are in the bell, a small file beside the region; with Wakeup::every_message there is a
// word in the region, and no flag. Both sides; each tag in brackets has its paragraph in lib/docs/ordering.md.
//
//     publisher                                subscriber
//     ---------                                ----------
//     (message published)                      load word           acquire  [bell-word]
//     fence  seq_cst  [bell-flag], recently    flag = 1            relaxed
//     flag == 0?  done      relaxed            fence               seq_cst  [bell-flag]
//     flag = 0              relaxed            poll the slot once more
//     word + 1  release     [bell-word]        sleep while the word is unchanged
//     wake all who sleep on the word
//
// "Recently": the fence waits for the lines that a polling subscriber has just taken, about one line transfer.
// So a publisher omits it once its last `guarded_messages` messages found no sleeper. A subscriber that falls
// asleep just then may be missed once; that is why the first sleep of a wait is short, with another poll after
// it (lib/docs/decisions/0001-doorbell-fence.md).
//
// Who may call it: DoorbellPublisher the holder of the channel's lock, DoorbellSubscriber any process that may
// write the bell. Neither waits here: the system calls are the caller's.
//
// Invariants
//   1. A sleeper that a guarded publisher does not wake has seen the message before it slept.
//   2. The bell orders nothing but sleep: no message depends on it. A hostile bell costs sleepers a slice of
//      their wait, and the publisher one system call a message.
#pragma once

#include <seqcast/detail/layout.hpp>

namespace seqcast::inline v1::detail {

template <class Policy>
class DoorbellPublisher {
 public:
  using Word = typename Policy::Word;

  /// Messages that keep the fence after the last one that found a sleeper.
  static constexpr std::uint32_t guarded_messages = 64;

  /// A bell with a flag; or, without a flag, a word that is incremented for every message.
  DoorbellPublisher(Word* flag, Word* word) noexcept : flag_{flag}, word_{word} {}

  const Word* word() const noexcept {
    return word_;
  }

  /// To be called after each message; calls `wake_all` with word() if there may be a sleeper.
  /// Not inlined into publish(): it has a fence, and is not needed where subscribers poll.
  [[gnu::noinline]] void after_message(void (*wake_all)(const Word*)) noexcept {
    if (ring_if_sleeper()) wake_all(word_);
  }

  /// As after_message(); true if the caller has to wake all who sleep on word().
  bool ring_if_sleeper() noexcept {
    if (flag_ != nullptr && !has_sleeper()) [[likely]]
      return false;
    guarded_ = guarded_messages;
    ring_bell();
    return true;
  }

  /// Rings whether or not there is a sleeper; the caller then wakes all who sleep on word().
  void ring_bell() const noexcept {
    // relaxed: the release below keeps it before the new word. In the other order it could clear the flag of a
    // subscriber that has already seen the new word and sleeps on it.
    if (flag_ != nullptr) flag_->store(0, std::memory_order_relaxed);
    // [bell-word] release: pairs with the acquire in DoorbellSubscriber::prepare().
    // Otherwise a sleeper could load the new word and yet have its flag cleared by the store above.
    // The load is relaxed: only the holder of the lock increments the word.
    word_->store(word_->load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  bool has_sleeper() noexcept {
    if (guarded_ > 0) {
      --guarded_;
      // [bell-flag] seq_cst: pairs with the fence in DoorbellSubscriber::prepare().
      // Otherwise this load of the flag could come before the message is visible, and the subscriber's poll of
      // the slot before its flag is: both would find nothing, and the subscriber would sleep on.
      Policy::fence(std::memory_order_seq_cst);
    }
    // Without the fence only the store buffer may come in between, not the compiler.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    // relaxed: the fence is the order it needs, and the flag carries no data.
    return flag_->load(std::memory_order_relaxed) != 0;
  }

  Word* flag_;
  Word* word_;
  std::uint32_t guarded_ = guarded_messages;
};

template <class Policy>
class DoorbellSubscriber {
 public:
  using Word = typename Policy::Word;

  /// No bell.
  DoorbellSubscriber() noexcept = default;

  /// A bell with a flag; or, without a flag, a word that is incremented for every message.
  DoorbellSubscriber(Word* flag, const Word* word) noexcept : flag_{flag}, word_{word} {}

  bool present() const noexcept {
    return word_ != nullptr;
  }
  const Word* word() const noexcept {
    return word_;
  }

  /// The word's low half, to be loaded before anything that a ring may announce. If prepare() gives another one
  /// afterwards, what was read in between may be out of date.
  std::uint32_t value() const noexcept {
    // [bell-word] acquire: pairs with the release in DoorbellPublisher::ring_bell().
    // Otherwise what is read next could be older than the ring, and prepare() give the same word.
    return static_cast<std::uint32_t>(word_->load(std::memory_order_acquire));
  }

  /// To be called before sleeping. Gives what the word's low half has to be for the sleep to begin; between the
  /// two the caller polls the slot once more.
  std::uint32_t prepare() const noexcept {
    // [bell-word] acquire: pairs with the release in DoorbellPublisher::ring_bell().
    // Otherwise a sleeper could load the new word and yet have its flag cleared by the store before it.
    // Without a flag it is what orders the poll of the slot after the load of the word.
    const std::uint64_t word = word_->load(std::memory_order_acquire);
    if (flag_ != nullptr) {
      // relaxed: the fence below is the order it needs.
      flag_->store(1, std::memory_order_relaxed);
      // [bell-flag] seq_cst: pairs with the fence in DoorbellPublisher::has_sleeper().
      // Otherwise the poll of the slot could come before the flag is visible.
      Policy::fence(std::memory_order_seq_cst);
    }
    return static_cast<std::uint32_t>(word);
  }

 private:
  Word* flag_ = nullptr;
  const Word* word_ = nullptr;
};

/// A word of this process that other threads increment, to wake the one that sleeps on it beside its doorbells.
class Interruption {
 public:
  const Word* word() const noexcept {
    return &word_;
  }
  /// To be called before reading what other threads may have changed; gives what the word has to be for the
  /// sleep to begin.
  std::uint32_t prepare() const noexcept {
    // [interruption] acquire: pairs with the release in raise().
    // Otherwise the change could be missed after its increment was seen, and the sleep begin.
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
