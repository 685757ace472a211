// SPDX-License-Identifier: BSL-1.0
//
// broadcast_ring: a ring whose slots begin with their sequence, in the line of the message's first bytes. After M.
// Thompson, D. Farley, M. Barker, P. Gee, A. Stewart, "Disruptor" (LMAX, 2011). Two ways to treat a receiver that
// is behind:
//
//   gated        as there: the sender waits for it (lossless). The sender reads the receiver's sequence only when the
//                ring seems full; the receiver stores it after each eighth of the ring.
//   overwriting  the sender never waits. The sequence is odd while a slot is written, and the receiver validates it
//                after the copy: a sequence lock in each slot (Boehm 2012, HPL-2012-68). With one slot this is the
//                classic sequence lock, which keeps the newest message only.
#include "../transport.hpp"
#include "all.hpp"

#include <cstring>

namespace bench {

namespace {

template <std::size_t Size>
struct BroadcastRing : Sized<Size> {
  /// Whole lines, or a part of one: no slot has a line more than it needs.
  static constexpr std::size_t stride = Size < 56 ? std::bit_ceil(8 + Size) : (8 + Size + 63) / 64 * 64;

  explicit BroadcastRing(const Setting& setting)
      : capacity{std::bit_floor(setting.slots(stride, 1))},
        region{256 + capacity * stride},
        slots{region.at(256)},
        received{new (region.at(0)) IsolatedNumber} {
    for (Word i = 0; i < capacity; ++i) new (slots + i * stride) std::atomic<Word>{0};
  }
  std::size_t capacity;
  SharedRegion region;
  std::byte* slots;
  IsolatedNumber* received;

  struct Side {
    explicit Side(BroadcastRing& ring) : slots{ring.slots}, received{ring.received}, capacity{ring.capacity} {}
    std::byte* slot(Word number) const {
      return slots + (number & (capacity - 1)) * stride;
    }
    static std::atomic<Word>& sequence_of(std::byte* slot) {
      return *static_cast<std::atomic<Word>*>(static_cast<void*>(slot));
    }
    std::byte* slots;
    IsolatedNumber* received;
    Word capacity;
    Word next = 1;
  };
  struct Sender : Side {
    using Side::Side;
    bool send(const Word* message) {
      std::byte* const slot = this->slot(this->next);
      std::atomic<Word>& sequence = Side::sequence_of(slot);
      sequence.store(2 * this->next - 1, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_release);
      std::memcpy(slot + 8, message, Size);
      sequence.store(2 * this->next++, std::memory_order_release);
      return true;
    }
  };
  struct Receiver : Side {
    using Side::Side;
    bool receive(Word* message) {
      std::byte* const slot = this->slot(this->next);
      const std::atomic<Word>& sequence = Side::sequence_of(slot);
      const Word before = sequence.load(std::memory_order_acquire);
      if (before < 2 * this->next) return false;
      std::memcpy(message, slot + 8, Size);
      std::atomic_thread_fence(std::memory_order_acquire);
      const Word after = sequence.load(std::memory_order_relaxed);
      if (after != 2 * this->next) { // lapped: go on half a ring behind
        this->next = std::max(this->next, after / 2 - (this->capacity - 1) / 2);
        return false;
      }
      ++this->next;
      return true;
    }
  };
};

template <std::size_t Size>
struct GatedRing : BroadcastRing<Size> {
  using Side = typename BroadcastRing<Size>::Side;
  using BroadcastRing<Size>::BroadcastRing;

  struct Sender : Side {
    using Side::Side;
    bool send(const Word* message) {
      if (this->next > gate + this->capacity) {
        gate = this->received->value.load(std::memory_order_acquire);
        if (this->next > gate + this->capacity) return false;
      }
      std::byte* const slot = this->slot(this->next);
      std::memcpy(slot + 8, message, Size);
      Side::sequence_of(slot).store(this->next++, std::memory_order_release);
      return true;
    }
    Word gate = 0;
  };
  struct Receiver : Side {
    explicit Receiver(GatedRing& ring) : Side{ring}, step{std::max<Word>(ring.capacity / 8, 1)} {}
    bool receive(Word* message) {
      std::byte* const slot = this->slot(this->next);
      if (Side::sequence_of(slot).load(std::memory_order_acquire) != this->next) return false;
      std::memcpy(message, slot + 8, Size);
      if (this->next % step == 0) this->received->value.store(this->next, std::memory_order_release);
      ++this->next;
      return true;
    }
    Word step;
  };
};

} // namespace

const Transport broadcast_ring =
    transport_of<BroadcastRing>({.name = "broadcast ring",
                                 .setting = "Disruptor style, overwriting, validated",
                                 .several_receivers = true,
                                 .sound = true});
const Transport one_slot_seqlock = transport_of<BroadcastRing>({.name = "one-slot seqlock",
                                                                .setting = "the broadcast ring with one slot",
                                                                .several_receivers = true,
                                                                .sound = true,
                                                                .at_best = true,
                                                                .use = {.ring_bytes = 1}});
const Transport gated_ring = transport_of<GatedRing>(
    {.name = "gated ring", .setting = "Disruptor style; the sender waits", .lossless = true, .sound = true});
const Transport gated_ring_best =
    transport_of<GatedRing>({.name = "gated ring, best",
                             .setting = "in the ring that suits it best, 16 KiB to 4 MiB",
                             .lossless = true,
                             .sound = true,
                             .at_best = true,
                             .use = {.best_ring = true}});

} // namespace bench
