// SPDX-License-Identifier: BSL-1.0
//
// lamport_queue: the lossless ring for one sender and one receiver: two indices, each written by one side. After
// L. Lamport, "Specifying Concurrent Program Modules" (1983), with each side's copy of the other's index, which it
// reads again only when the ring seems full or empty (P. Lee, T. Bu, G. Chandranmenon, "A lock-free,
// cache-efficient shared ring buffer", ANCS 2009; E. Rigtorp, "Optimizing a ring buffer for throughput", 2021).
#include "../transport.hpp"
#include "all.hpp"

#include <cstring>

namespace bench {

namespace {

template <std::size_t Size>
struct LamportQueue : Sized<Size> {
  explicit LamportQueue(const Setting& setting)
      : capacity{setting.slots(Size)},
        region{sizeof(Indices) + capacity * Size},
        indices{new (region.at(0)) Indices},
        slots{region.at(sizeof(Indices))} {}

  struct Indices {
    IsolatedNumber written;
    IsolatedNumber read;
  };
  std::size_t capacity;
  SharedRegion region;
  Indices* indices;
  std::byte* slots;

  /// One side: its own index, and what it has last seen of the other's. The ring is full with capacity - 1.
  struct Side {
    explicit Side(LamportQueue& queue) : slots{queue.slots}, indices{queue.indices}, capacity{queue.capacity} {}
    std::byte* slot() const {
      return slots + own * Size;
    }
    Word next() const {
      return own + 1 == capacity ? 0 : own + 1;
    }
    std::byte* slots;
    Indices* indices;
    Word capacity;
    Word own = 0;
    Word other = 0;
  };
  struct Sender : Side {
    using Side::Side;
    bool send(const Word* message) {
      const Word next = this->next();
      if (next == this->other) {
        this->other = this->indices->read.value.load(std::memory_order_acquire);
        if (next == this->other) return false;
      }
      std::memcpy(this->slot(), message, Size);
      this->indices->written.value.store(next, std::memory_order_release);
      this->own = next;
      return true;
    }
  };
  struct Receiver : Side {
    using Side::Side;
    bool receive(Word* message) {
      if (this->own == this->other) {
        this->other = this->indices->written.value.load(std::memory_order_acquire);
        if (this->own == this->other) return false;
      }
      std::memcpy(message, this->slot(), Size);
      this->own = this->next();
      this->indices->read.value.store(this->own, std::memory_order_release);
      return true;
    }
  };
};

} // namespace

const Transport lamport_queue = transport_of<LamportQueue>(
    {.name = "Lamport queue", .setting = "indices cached", .lossless = true, .sound = true});
const Transport lamport_queue_best =
    transport_of<LamportQueue>({.name = "Lamport queue, best",
                                .setting = "in the ring that suits it best, 16 KiB to 4 MiB",
                                .lossless = true,
                                .sound = true,
                                .at_best = true,
                                .use = {.best_ring = true}});

} // namespace bench
