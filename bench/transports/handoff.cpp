// SPDX-License-Identifier: BSL-1.0
//
// handoff: the least that passes whole messages on: a memcpy into a region, then one flag. One slot, no
// sequence: a message that comes before the last one was taken is torn.
#include "../transport.hpp"
#include "all.hpp"
#include "shared_region.hpp"

#include <bit>
#include <cstring>

namespace bench {

namespace {

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
      const std::uint64_t now = flag->load(std::memory_order_acquire);
      if (now == last) return false;
      std::memcpy(&message, from, Size);
      last = now;
      return true;
    }
    const Flag* flag;
    const std::byte* from;
    std::uint64_t last = 0;
  };
};

/// The same into a ring of seqcast's shape, which nobody could receive.
template <std::size_t Size>
struct HandOffRing {
  static constexpr std::size_t stride = (16 + Size + 63) / 64 * 64;
  static constexpr std::size_t capacity = std::clamp<std::size_t>(std::bit_floor((1U << 20) / stride), 8, 1024);
  SharedRegion region{512 + capacity * stride};

  struct Sender {
    explicit Sender(HandOffRing& ring)
        : flag{new (ring.region.at(256)) std::atomic<std::uint64_t>{0}}, slots{ring.region.at(512)} {}
    bool send(const Message<Size>& message) {
      std::memcpy(slots + count % capacity * stride + 16, &message, Size);
      flag->store(++count, std::memory_order_release);
      return true;
    }
    std::atomic<std::uint64_t>* flag;
    std::byte* slots;
    std::uint64_t count = 0;
  };
  struct Receiver {
    explicit Receiver(HandOffRing&) {}
    bool receive(Message<Size>&) {
      throw Unable{"nobody can receive from this"};
    }
  };
};

} // namespace

const Transport handoff_ring =
    transport_of<HandOffRing>({.name = "hand-off, ring",
                               .setting = "memcpy, then one flag; a ring of seqcast's shape",
                               .only_alone = true});
const Transport handoff = transport_of<HandOff>({.name = "hand-off",
                                                 .setting = "memcpy, then one flag; polls the flag",
                                                 .may_tear = true,
                                                 .may_lose = true,
                                                 .many = true});

} // namespace bench
