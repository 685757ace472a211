// SPDX-License-Identifier: BSL-1.0
//
// reliable: how a publisher learns how far each reliable subscriber has read, and does not overwrite what one has
// still to read. The cursors are in the bell, in an entry for each subscriber, which it owns by a lock on the
// entry's bytes. Skip this file if your channel has no PublisherOptions::max_blocking_time: nothing of it is
// executed then. Both sides; each tag in brackets has its paragraph in lib/docs/ordering.md.
//
//     publisher, before message m              subscriber
//     ---------------------------              ----------
//     m <= limit?  done                        begin:   cursor = c              relaxed
//     fence           seq_cst  [limit-poll]             registration, odd       relaxed
//     entries in use  relaxed                           entries in use |= its   relaxed
//     registrations   acquire  [cursor-passed]          fence                   seq_cst  [limit-poll]
//     cursors         acquire  [cursor-passed]          h = head: what follows h is kept from now on
//     limit = least of head and cursors,
//             + capacity - 1                   report:  cursor = c              release  [cursor-passed]
//     still m > limit?                                  fence                   seq_cst  [space-flag]
//       space         relaxed                           waits == 0?  done       relaxed
//       waits = 1     relaxed                           space + 1               relaxed
//       fence         seq_cst  [space-flag]             wake the publisher
//       poll once more, as above
//       sleep while space is unchanged         end:     registration, even      release  [cursor-passed]
//       waits = 0     relaxed                           and the rest of report
//
// Publishing m opens the slot of m + 1, and so destroys message m + 1 - capacity: hence the limit. It is at most
// capacity - 1 beyond the head of the last poll. A poll that does not find a subscriber's registration comes
// before its `begin`, which then finds that head or a newer one; so nothing that follows is overwritten before
// the next poll, which finds the registration.
//
// Who may call it: ReliablePublisher the holder of the channel's lock, ReliableSubscriber the process that
// holds the lock of its entry. The system calls are the caller's.
//
// Invariants
//   1. What a registered subscriber has not reported as received is overwritten only after its registration was
//      withdrawn, and it finds that out before it finds any loss.
//   2. Each word has one writer; `used` and `space` are changed by read-modify-writes.
//   3. A hostile bell costs the publisher its blocking time, and nothing else: no message depends on it.
#pragma once

#include <seqcast/detail/layout.hpp>

#include <bit>

namespace seqcast::inline v1::detail {

inline constexpr std::uint64_t never = ~std::uint64_t{0};

/// The entry of a bell that begins at `bell`: its first word.
template <class Word>
inline Word* entry_of(Word* bell, std::size_t index) noexcept {
  return bell + (bell_entries_offset + index * bell_entry_size) / word_size;
}

/// The number of the subscribers that the region's last publisher waits for; 0 if it waits for none.
template <class Word>
std::uint64_t polled_number(const Word* region) noexcept {
  return region[polled_number_word].load(std::memory_order_relaxed); // relaxed: report() compares it once more
}
/// The number of the bell's region; 0 for a bell that no publisher has polled.
template <class Word>
std::uint64_t number_of_bell(const Word* bell) noexcept {
  return bell[bell_number_word].load(std::memory_order_relaxed); // relaxed: likewise
}

/// The registration of a subscriber with this number that comes after `before`: the number in the high half, and an odd
/// count in the low one.
constexpr std::uint64_t registration_after(std::uint64_t before, std::uint64_t number) noexcept {
  return number << 32 | ((before + 2) & 0xFFFF'FFFF) | 1;
}
/// That of nobody, after this one.
constexpr std::uint64_t unregistered(std::uint64_t registration) noexcept {
  return registration & ~std::uint64_t{1};
}
/// Whether a publisher with this number waits for an entry with these words.
constexpr bool is_registered(std::uint64_t registration, std::uint64_t withdrawn,
                             std::uint64_t number) noexcept {
  return registration % 2 == 1 && registration >> 32 == number && registration != withdrawn;
}

template <class Policy>
class ReliablePublisher {
 public:
  using Word = typename Policy::Word;

  /// For a channel of `capacity` slots, whose region and bell begin at these words.
  ReliablePublisher(Word* region, Word* bell, std::uint64_t capacity) noexcept
      : region_{region}, bell_{bell}, capacity_{capacity} {}

  /// Stores whom this publisher waits for: subscribers with this number, or nobody if it is 0. Who has another one was
  /// registered for another region, in another bell, or before a publisher that waited for nobody, and finds that out.
  /// To be called before the first message, and in a new region before it is visible.
  void announce(std::uint64_t number) noexcept {
    number_ = number;
    // relaxed: costs subscribers a system call, no more. A publisher that died while it waited left 1.
    region_[waits_word].store(0, std::memory_order_relaxed);
    // relaxed: the release of the next message is the order that it needs.
    region_[polled_number_word].store(number, std::memory_order_relaxed);
  }
  /// Makes the bell this region's. Requires: announce() was called, and the bell has its name.
  void adopt_bell() noexcept {
    bell_[bell_number_word].store(number_, std::memory_order_relaxed); // relaxed: as for announce()
  }

  /// Polls all cursors, after message `head`. Gives the last message that may be published.
  std::uint64_t poll(std::uint64_t head) noexcept {
    // [limit-poll] seq_cst: pairs with the fence in ReliableSubscriber::begin().
    // Otherwise a subscriber could begin behind an older head than this one and yet not be found here.
    // [space-flag] seq_cst, where `waits` was stored before: pairs with the fence in ReliableSubscriber::report().
    // Otherwise this could find the old cursor, and the subscriber find nobody waiting.
    Policy::fence(std::memory_order_seq_cst);
    std::uint64_t least = head;
    for_each_registered([&](std::size_t, std::uint64_t, std::uint64_t cursor) {
      if (cursor < least) least = cursor;
    });
    return least + capacity_ - 1;
  }

  /// poll(), and waits until the messages up to `last` may be published, or withdraws the registrations that
  /// are in the way. Gives the last message that may be published, at least `last`. Before a jump `last` is
  /// head + capacity - 1: then all have received message `head`.
  /// `Kernel` waits: spins() whether to poll again at once; is_owned(entry) whether a process holds its lock;
  /// expired() whether the time is over; sleep(word, expected) sleeps while that word's low half is unchanged, for
  /// a bounded time.
  /// Progress: blocks until kernel.expired().
  template <class Kernel>
  std::uint64_t wait_for_room(std::uint64_t head, std::uint64_t last, Kernel& kernel) noexcept {
    for (;;) {
      const std::uint64_t limit = poll(head);
      if (limit >= last) return limit;
      if (kernel.spins()) continue;
      if (kernel.expired()) {
        withdraw(last, [](std::size_t) { return true; });
        return last; // who registers just now, and is in the way, is found by the next poll
      }
      withdraw(last, [&](std::size_t entry) { return !kernel.is_owned(entry); });
      // relaxed: the fence in poll() comes before the cursors, as that in report() comes after one.
      const auto space = static_cast<std::uint32_t>(space_word()->load(std::memory_order_relaxed));
      // relaxed, both: the fence in poll() is the order that the first needs; the second, seen late, costs a
      // subscriber a system call.
      region_[waits_word].store(1, std::memory_order_relaxed);
      if (poll(head) < last) kernel.sleep(space_word(), space);
      region_[waits_word].store(0, std::memory_order_relaxed);
    }
  }

  /// Whether the messages up to `last` may be published without waiting; `limit` is the last one that may be.
  template <class Kernel>
  bool has_room(std::uint64_t head, std::uint64_t last, Kernel& kernel, std::uint64_t& limit) noexcept {
    limit = poll(head);
    if (limit >= last) return true;
    if (!withdraw(last, [&](std::size_t entry) { return !kernel.is_owned(entry); })) return false;
    limit = poll(head);
    return limit >= last;
  }

  /// Calls `use(entry, registration, cursor)` for each subscriber that is waited for.
  template <class Use>
  void for_each_registered(const Use& use) const noexcept {
    constexpr std::uint64_t all = (std::uint64_t{1} << bell_entries) - 1;
    // relaxed, as are the stores of a new registration: what is not found here was stored by a subscriber whose
    // fence comes after that of poll(), so that it finds the head of that poll.
    std::uint64_t used = bell_[bell_used_word].load(std::memory_order_relaxed) & all;
    for (; used != 0; used &= used - 1) {
      const auto index = static_cast<std::size_t>(std::countr_zero(used));
      const Word* const entry = entry_of(bell_, index);
      // [cursor-passed] acquire: pairs with the release in ReliableSubscriber::end(), likewise.
      const std::uint64_t registration = entry[registration_word].load(std::memory_order_acquire);
      // relaxed: this side stores it.
      if (!is_registered(registration, entry[withdrawn_word].load(std::memory_order_relaxed), number_))
        continue;
      // [cursor-passed] acquire: pairs with the release in ReliableSubscriber::report().
      // Otherwise the next message could overwrite what the subscriber is still copying.
      use(index, registration, entry[cursor_word].load(std::memory_order_acquire));
    }
  }

 private:
  Word* space_word() const noexcept {
    return bell_ + bell_space_word;
  }

  /// Withdraws the registrations that keep message `last` back, and for which `which` holds. Gives whether
  /// there was one.
  template <class Which>
  bool withdraw(std::uint64_t last, const Which& which) noexcept {
    bool found = false;
    for_each_registered([&](std::size_t index, std::uint64_t registration, std::uint64_t cursor) {
      if (cursor + capacity_ - 1 >= last) return;
      if (!which(index)) return;
      // relaxed: what is overwritten because of it is so after a release: who finds the loss finds this.
      entry_of(bell_, index)[withdrawn_word].store(registration, std::memory_order_relaxed);
      found = true;
    });
    return found;
  }

  Word* region_;
  Word* bell_;
  std::uint64_t capacity_;
  std::uint64_t number_ = 0;
};

template <class Policy>
class ReliableSubscriber {
 public:
  using Word = typename Policy::Word;

  /// A best-effort subscriber: nothing is reported.
  ReliableSubscriber() noexcept = default;

  /// For entry `index` of the bell, and a channel of `capacity` slots. `wake_all` wakes who sleeps on a word.
  ReliableSubscriber(const Word* region, Word* bell, std::size_t index, std::uint64_t capacity,
                     void (*wake_all)(const Word*)) noexcept
      : region_{region},
        bell_{bell},
        entry_{entry_of(bell, index)},
        used_{std::uint64_t{1} << index},
        interval_{capacity >= 8 ? capacity / 8 : 1},
        wake_all_{wake_all} {}

  /// Stores which process has the entry, for people. To be called before the first begin().
  void store_owner(std::uint64_t process) noexcept {
    entry_[owner_word].store(process, std::memory_order_relaxed); // relaxed: nothing depends on it
  }

  /// Registers: messages after `cursor` are still to be received. From the head of a moment after this call on,
  /// nothing is overwritten before it is reported; what is older may be, until the publisher's next poll.
  void begin(std::uint64_t cursor) noexcept {
    // relaxed, all of it: the fence below is the order it needs.
    entry_[cursor_word].store(cursor, std::memory_order_relaxed);
    number_ = polled_number(region_);
    registration_ = registration_after(entry_[registration_word].load(std::memory_order_relaxed), number_);
    entry_[registration_word].store(registration_, std::memory_order_relaxed);
    bell_[bell_used_word].fetch_or(used_, std::memory_order_relaxed);
    // [limit-poll] seq_cst: pairs with the fence in ReliablePublisher::poll().
    // Otherwise head, which is loaded next, could be older than that of a poll that has not found this.
    Policy::fence(std::memory_order_seq_cst);
    wake_publisher(); // it may wait for the subscriber that had this entry before
    reported_ = cursor;
    due_ = cursor + interval_;
    withdrawn_ = false;
  }

  /// Whether report() is to be called before more is received after `cursor`; false for best effort.
  bool due(std::uint64_t cursor) const noexcept {
    return cursor >= due_;
  }

  /// Whether report() would report something: messages, or a withdrawal; false for best effort.
  bool unreported(std::uint64_t cursor) const noexcept {
    return due_ != never && (cursor != reported_ || withdrawn_);
  }

  /// Reports the messages up to `cursor` as received. False if the registration was withdrawn, or if the
  /// publisher waits for nobody, or for another number: the subscriber has to end(). Not inlined, so that no
  /// fence is in the code of who receives by best effort.
  [[gnu::noinline]] bool report(std::uint64_t cursor) noexcept {
    if (due_ == never || withdrawn_) return !withdrawn_;
    if (cursor != reported_) {
      // [cursor-passed] release: pairs with the acquire in ReliablePublisher::for_each_registered().
      entry_[cursor_word].store(cursor, std::memory_order_release);
      // [space-flag] seq_cst: pairs with the fence in ReliablePublisher::poll().
      // Otherwise this could find nobody waiting, and the publisher still find the old cursor, and sleep.
      Policy::fence(std::memory_order_seq_cst);
      wake_publisher();
      reported_ = cursor;
    }
    due_ = cursor + interval_;
    // relaxed: who has found a loss has acquired what was stored before it.
    // In a forked child the entry is private memory, of zeros.
    withdrawn_ = entry_[registration_word].load(std::memory_order_relaxed) != registration_ ||
                 entry_[withdrawn_word].load(std::memory_order_relaxed) == registration_ ||
                 polled_number(region_) != number_ || number_ == 0;
    if (withdrawn_) due_ = 0; // so that the next call finds out
    return !withdrawn_;
  }

  /// The last cursor that was reported.
  std::uint64_t reported() const noexcept {
    return reported_;
  }
  /// Whether report() has found the registration withdrawn.
  bool withdrawn() const noexcept {
    return withdrawn_;
  }
  /// Whether it is registered, as far as is known here.
  bool registered() const noexcept {
    return due_ != never && !withdrawn_;
  }

  /// Receives by best effort from now on. Requires: there is an entry.
  void end() noexcept {
    const std::uint64_t registration =
        entry_[registration_word].load(std::memory_order_relaxed); // this side's own
    if (registration % 2 == 1) {
      // [cursor-passed] release: as in report(): nothing is being copied any more.
      entry_[registration_word].store(unregistered(registration), std::memory_order_release);
      // [space-flag] seq_cst: as in report().
      Policy::fence(std::memory_order_seq_cst);
      wake_publisher();
    }
    due_ = never;
    withdrawn_ = false;
  }

 private:
  void wake_publisher() noexcept {
    // relaxed: the fence before it is the order it needs.
    if (region_[waits_word].load(std::memory_order_relaxed) == 0) return;
    Word* const space = bell_ + bell_space_word;
    // relaxed: likewise. Who has loaded the new word finds the new cursor after its own fence.
    space->fetch_add(1, std::memory_order_relaxed);
    wake_all_(space);
  }

  const Word* region_ = nullptr;
  Word* bell_ = nullptr;
  Word* entry_ = nullptr;
  std::uint64_t used_ = 0; // its bit
  std::uint64_t interval_ = 1;
  void (*wake_all_)(const Word*) = nullptr;
  std::uint64_t registration_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t reported_ = 0;
  std::uint64_t due_ = never;
  bool withdrawn_ = false;
};

} // namespace seqcast::inline v1::detail
