// SPDX-License-Identifier: BSL-1.0
//
// one_slot_seqlock: the classic: one counter, odd while the message is written, and a reader that starts again.
#include "../transport.hpp"
#include "all.hpp"
#include "shared_region.hpp"

namespace bench {

namespace {

using Word = std::atomic<std::uint64_t>;

template <std::size_t Size>
struct OneSlotSeqlock {
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
      in_a_row = 0;
      return true;
    }
    std::pair<std::uint64_t, std::uint64_t> failures() const {
      return {failed, most};
    }
    bool fail() {
      ++failed;
      most = std::max(most, ++in_a_row);
      return false;
    }
    const Word* counter;
    std::uint64_t last = 0;
    std::uint64_t failed = 0;
    std::uint64_t most = 0;
    std::uint64_t in_a_row = 0;
  };
};

} // namespace

const Transport one_slot_seqlock =
    transport_of<OneSlotSeqlock>({.name = "one-slot seqlock",
                                  .setting = "words of std::atomic; polls the counter",
                                  .may_lose = true,
                                  .many = true});

} // namespace bench
