// SPDX-License-Identifier: BSL-1.0
//
// naive: what seqcast began as. One process overwrites a region, the other looks at the word at its begin and
// copies whatever is there.
#include "../transport.hpp"
#include "all.hpp"
#include "shared_region.hpp"

#include <cstring>

namespace bench {

namespace {

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
      std::uint64_t now = 0;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      std::memcpy(&now, from, sizeof now);
      if (now == last) return false;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      std::memcpy(&message, from, Size);
      last = message.words[0];
      return true;
    }
    const std::byte* from;
    std::uint64_t last = 0;
  };
};

} // namespace

const Transport naive = transport_of<Naive>({.name = "naive",
                                             .setting = "memcpy into a region; polls a stamp at its begin",
                                             .may_tear = true,
                                             .may_lose = true,
                                             .many = true});

} // namespace bench
