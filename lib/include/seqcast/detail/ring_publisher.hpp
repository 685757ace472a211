// SPDX-License-Identifier: BSL-1.0
//
// ring_publisher: which slot a sequence goes into, and what a publisher does for each message. Message m goes
// into slot (m - 1) mod capacity.
//
// Who may call it: the holder of the channel's lock, one thread at a time. It does not own the region.
//
// Invariants
//   1. Outside publish() the slot of message head + 1 is open, from the region's creation on. A publisher that
//      dies in the middle of a message therefore leaves what an idle one leaves.
//   2. Head may be one behind the slots, never ahead of them.
//   3. The number of steps depends on the message's size alone.
#pragma once

#include <seqcast/detail/lines.hpp>
#include <seqcast/detail/pace.hpp>
#include <seqcast/detail/slot.hpp>

namespace seqcast::inline v1::detail {

/// The publisher's side of the ring.
template <class Atomics>
class RingPublisher {
 public:
  using Word = typename Atomics::Word;

  RingPublisher() noexcept = default;

  /// Requires: `head` is what recover() left, or 0 for a new region.
  RingPublisher(Word* words, const Geometry& geometry, std::uint64_t head) noexcept
      : words_{words},
        open_{words + geometry.slots_word + geometry.index_of(head + 1) * geometry.stride_words},
        geometry_{geometry},
        head_{head} {}

  /// Publishes the next message: `fill` is called once with the payload's first word, to store `size` bytes.
  /// Gives the message's sequence.
  /// Requires: size <= geometry().max_message_size; time_ns is used only by a channel with timestamps.
  /// Progress: wait-free; the steps depend on `size` alone.
  template <class Fill>
  std::uint64_t publish(std::uint32_t size, std::uint64_t time_ns, Fill&& fill) noexcept {
    const Step step = advance();
    const PublisherSlot<Atomics> slot = slot_at(step.open);
    slot.begin();
    fill(slot.payload());
    return finish(step, size, time_ns);
  }

  /// Publishes the `bytes` bytes at `from`; where the channel has progress, so that subscribers can follow.
  /// Size is as for ExactInto.
  template <class Size>
  std::uint64_t publish_bytes(const std::byte* from, Size bytes, std::uint64_t time_ns) noexcept {
    const std::uint32_t size = bytes;
    const Step step = advance();
    const PublisherSlot<Atomics> slot = slot_at(step.open);
    slot.begin();
    Word* const payload = slot.payload();
    std::uint32_t done = 0;
    if (geometry_.progress_word != 0) {
      constexpr auto chunk = static_cast<std::uint32_t>(Atomics::chunk_size());
      if (size > chunk) {
        slot.store_size(size);
        if (geometry_.timestamps) slot.store_time(time_ns);
      }
      for (; size - done > chunk; done += chunk) {
        store_payload<Atomics>(payload + done / word_size, from + done, chunk);
        slot.store_progress(step.sequence, done + chunk);
      }
    }
    store_payload<Atomics>(payload + done / word_size, from + done, size - done);
    return finish(step, size, time_ns);
  }

  /// The payload of the open slot, which no subscriber takes before commit(). May be called again, and need not
  /// be followed by commit().
  Word* begin() noexcept {
    const PublisherSlot<Atomics> slot = slot_at(open_);
    slot.begin();
    return slot.payload();
  }

  /// The same for stores that are not atomic.
  Word* begin_in_place() noexcept {
    Word* const payload = begin();
    PublisherSlot<Atomics>::begin_in_place();
    return payload;
  }

  /// Publishes what was stored since begin(), and opens the next slot.
  std::uint64_t commit(std::uint32_t size, std::uint64_t time_ns) noexcept {
    return finish(advance(), size, time_ns);
  }

  std::uint64_t head() const noexcept {
    return head_;
  }
  const Geometry& geometry() const noexcept {
    return geometry_;
  }

 private:
  /// One message, and where it goes.
  struct Step {
    std::uint64_t sequence;
    Word* open; // the slot that is open for it
    Word* next; // the slot to be opened after it
  };

  PublisherSlot<Atomics> slot_at(Word* words) const noexcept {
    return {words, geometry_.payload_word, geometry_.progress_word};
  }

  /// What this side keeps for itself, done before the message, so that all stores into the slot come in one go:
  /// the fewer lie between them, the less likely a subscriber that looks takes the line away in the middle.
  Step advance() noexcept {
    const std::uint64_t sequence = head_ + 1;
    Word* const open = open_;
    // Counted, not multiplied.
    Word* const next =
        (sequence & geometry_.mask()) == 0 ? words_ + geometry_.slots_word : open + geometry_.stride_words;
    head_ = sequence;
    open_ = next;
    return {sequence, open, next};
  }

  std::uint64_t finish(const Step& step, std::uint32_t size, std::uint64_t time_ns) noexcept {
    const PublisherSlot<Atomics> slot = slot_at(step.open);
    const PublisherSlot<Atomics> next = slot_at(step.next);
    slot.store_size(size);
    if (geometry_.timestamps) slot.store_time(time_ns);
    slot.complete(step.sequence);
    PublisherLines<Atomics>{words_}.store_head(step.sequence);
    next.open(step.sequence + 1);
    if (has_time(size)) next.own_ahead(size);
    return step.sequence;
  }

  /// Whether taking the next slot's lines ahead is worth the time: see Pace.
  bool has_time(std::uint32_t size) noexcept {
    if constexpr (requires { Atomics::now(); }) {
      return pace_.has_time(size, Atomics::now);
    }
    return true;
  }

  Word* words_ = nullptr;
  Word* open_ = nullptr; // the slot of message head + 1
  Geometry geometry_;
  std::uint64_t head_ = 0;
  Pace pace_;
};

} // namespace seqcast::inline v1::detail
