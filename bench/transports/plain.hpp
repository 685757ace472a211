// SPDX-License-Identifier: BSL-1.0
//
// plain: the least that can bring a message to another process, without a ring to receive from. They are what
// seqcast is compared with first, and no rivals: naive tears, and hand-off tears unless its sender waits.
#pragma once

#include "../transport.hpp"

#include <cstring>

namespace bench {

/// The naive version: one process overwrites a region, the other polls its first word and copies the region
/// when that has changed. Nothing prevents a torn message. With 8 bytes this is the line time: a stamp is stored
/// into one cache line, and loaded from it.
template <std::size_t Size>
struct Naive : Sized<Size> {
  SharedRegion region{Size};
  explicit Naive(const Setting&) {}

  struct Sender {
    explicit Sender(Naive& naive) : to{naive.region.at(0)} {}
    bool send(const Word* message) {
      std::memcpy(to, message, Size);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      return true;
    }
    std::byte* to;
  };

  struct Receiver {
    explicit Receiver(Naive& naive) : from{naive.region.at(0)} {}
    bool receive(Word* message) {
      Word first = 0;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      std::memcpy(&first, from, sizeof first);
      if (first == last) return false;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      std::memcpy(message, from, Size);
      last = message[0];
      return true;
    }
    const std::byte* from;
    Word last = 0;
  };
};

/// The least that delivers whole messages to a receiver that is in time: one slot, no sequence. The flag and the
/// message's first 56 bytes share a line; the lines that follow are stored first, then the first one, and the flag
/// last. So up to 56 bytes cost one line.
template <std::size_t Size>
struct HandOff : Sized<Size> {
  using Flag = std::atomic<Word>;
  static constexpr std::size_t in_first_line = std::min<std::size_t>(Size, 56);
  SharedRegion region{64 + Size};
  Flag* const flag = new (region.at(0)) Flag{0};
  explicit HandOff(const Setting&) {}

  struct Sender {
    explicit Sender(HandOff& handoff) : flag{handoff.flag}, to{handoff.region.at(8)} {}
    bool send(const Word* message) {
      if constexpr (Size > in_first_line) {
        std::memcpy(to + in_first_line, message + in_first_line / 8, Size - in_first_line);
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
      std::memcpy(to, message, in_first_line);
      flag->store(++count, std::memory_order_release);
      return true;
    }
    Flag* flag;
    std::byte* to;
    Word count = 0;
  };

  struct Receiver {
    explicit Receiver(HandOff& handoff) : flag{handoff.flag}, from{handoff.region.at(8)} {}
    bool receive(Word* message) {
      const Word current = flag->load(std::memory_order_acquire);
      if (current == last) return false;
      std::memcpy(message, from, Size);
      last = current;
      return true;
    }
    const Flag* flag;
    const std::byte* from;
    Word last = 0;
  };
};

/// A hand-off into a ring with the slots of seqcast. It has no receiver.
template <std::size_t Size>
struct HandOffRing : Sized<Size> {
  static constexpr std::size_t stride = default_slot_bytes(Size);
  static constexpr std::size_t capacity = default_slots(Size);
  SharedRegion region{512 + capacity * stride};
  explicit HandOffRing(const Setting&) {}

  struct Sender {
    explicit Sender(HandOffRing& ring)
        : flag{new (ring.region.at(256)) std::atomic<Word>{0}}, slots{ring.region.at(512)} {
      // seqcast's ring has its geometry from the region: hide these constants from the compiler.
      asm volatile("" : "+r"(step), "+r"(mask));
    }
    bool send(const Word* message) {
      std::memcpy(slots + (count & mask) * step + 16, message, Size);
      flag->store(++count, std::memory_order_release);
      return true;
    }
    std::atomic<Word>* flag;
    std::byte* slots;
    std::size_t step = stride;
    std::size_t mask = capacity - 1;
    Word count = 0;
  };
  struct Receiver {
    explicit Receiver(HandOffRing&) {}
    bool receive(Word*) {
      throw CannotMeasure{"it has no receiver"};
    }
  };
};

} // namespace bench
