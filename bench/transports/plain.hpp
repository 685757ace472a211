// SPDX-License-Identifier: BSL-1.0
//
// plain: transports of a few lines over shared memory, the first that seqcast is compared with.
#pragma once

#include "../shared_region.hpp"
#include "../transport.hpp"

#include <bit>
#include <cstring>

namespace bench {

/// The naive version: one process overwrites a region, the other polls its first word and copies the region
/// when that has changed. Nothing prevents a torn message.
template <std::size_t Size>
struct Naive {
  SharedRegion region{Size};

  struct Sender {
    explicit Sender(Naive& naive) : to{naive.region.at(0)} {}
    bool send(const Message<Size>& message) {
      std::memcpy(to, &message, Size);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      return true;
    }
    std::byte* to;
  };

  struct Receiver {
    explicit Receiver(Naive& naive) : from{naive.region.at(0)} {}
    bool receive(Message<Size>& message) {
      std::uint64_t first = 0;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      std::memcpy(&first, from, sizeof first);
      if (first == last) return false;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      std::memcpy(&message, from, Size);
      last = message.words[0];
      return true;
    }
    const std::byte* from;
    std::uint64_t last = 0;
  };
};

/// The least that can deliver whole messages: a memcpy into a region, then a store to a flag. One slot and no
/// sequence: a message that is sent before the last one was copied tears it.
template <std::size_t Size>
struct HandOff {
  SharedRegion region{128 + Size};
  using Flag = std::atomic<std::uint64_t>;
  Flag* const flag = new (region.at(0)) Flag{0};

  struct Sender {
    explicit Sender(HandOff& handoff) : flag{handoff.flag}, to{handoff.region.at(128)} {}
    bool send(const Message<Size>& message) {
      std::memcpy(to, &message, Size);
      flag->store(++count, std::memory_order_release);
      return true;
    }
    Flag* flag;
    std::byte* to;
    std::uint64_t count = 0;
  };

  struct Receiver {
    explicit Receiver(HandOff& handoff) : flag{handoff.flag}, from{handoff.region.at(128)} {}
    bool receive(Message<Size>& message) {
      const std::uint64_t current = flag->load(std::memory_order_acquire);
      if (current == last) return false;
      std::memcpy(&message, from, Size);
      last = current;
      return true;
    }
    const Flag* flag;
    const std::byte* from;
    std::uint64_t last = 0;
  };
};

/// A hand-off into a ring with the slots of seqcast. It has no receiver.
template <std::size_t Size>
struct HandOffRing {
  static constexpr std::size_t stride = (16 + Size + 63) / 64 * 64;
  static constexpr std::size_t capacity = std::clamp<std::size_t>(std::bit_floor((1U << 20) / stride), 8, 1024);
  SharedRegion region{512 + capacity * stride};

  struct Sender {
    explicit Sender(HandOffRing& ring)
        : flag{new (ring.region.at(256)) std::atomic<std::uint64_t>{0}}, slots{ring.region.at(512)} {
      // seqcast's ring has its geometry from the region: hide these constants from the compiler.
      asm volatile("" : "+r"(step), "+r"(mask));
    }
    bool send(const Message<Size>& message) {
      std::memcpy(slots + (count & mask) * step + 16, &message, Size);
      flag->store(++count, std::memory_order_release);
      return true;
    }
    std::atomic<std::uint64_t>* flag;
    std::byte* slots;
    std::size_t step = stride;
    std::size_t mask = capacity - 1;
    std::uint64_t count = 0;
  };
  struct Receiver {
    explicit Receiver(HandOffRing&) {}
    bool receive(Message<Size>&) {
      throw CannotMeasure{"it has no receiver"};
    }
  };
};

/// The classic sequence lock: one counter, odd while the message is written; a reader that saw it change tries
/// again. After Boehm 2012, HPL-2012-68.
template <std::size_t Size>
struct OneSlotSeqlock {
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t words = Size / 8;
  SharedRegion region{8 + Size};
  Word* const counter = new (region.at(0)) Word[1 + words]{};

  struct Sender {
    explicit Sender(OneSlotSeqlock& lock) : counter{lock.counter} {}
    bool send(const Message<Size>& message) {
      counter->store(++count, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_release);
      for (std::size_t i = 0; i < words; ++i) counter[1 + i].store(message.words[i], std::memory_order_relaxed);
      counter->store(++count, std::memory_order_release);
      return true;
    }
    Word* counter;
    std::uint64_t count = 0;
  };

  struct Receiver {
    explicit Receiver(OneSlotSeqlock& lock) : counter{lock.counter} {}
    bool receive(Message<Size>& message) {
      const std::uint64_t before = counter->load(std::memory_order_acquire);
      if (before == last) return false;
      if (before % 2 == 1) return fail();
      for (std::size_t i = 0; i < words; ++i) message.words[i] = counter[1 + i].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (counter->load(std::memory_order_relaxed) != before) return fail();
      last = before;
      calls.succeeded();
      return true;
    }
    const FailedCalls& failures() const {
      return calls;
    }
    bool fail() {
      calls.failed();
      return false;
    }
    const Word* counter;
    std::uint64_t last = 0;
    FailedCalls calls;
  };
};

} // namespace bench
