// SPDX-License-Identifier: BSL-1.0
//
// recovery: how a publisher takes over a region that another one left, by closing or by dying at any
// instruction. It checks and does not trust. A template like the ring, so that the model checker runs this very
// code; lib/src/recovery.cpp is where it is compiled for users.
//
// Who may call it: the holder of the channel's lock, before it publishes anything.
//
// Invariants
//   1. A damaged region is left exactly as it was found.
//   2. Every store may be the last one: whoever comes next recovers to the same state.
//   3. No complete message is lost, and no sequence is used twice within one boot of the machine.
#pragma once

#include <seqcast/detail/lines.hpp>
#include <seqcast/detail/slot.hpp>

#include <optional>

namespace seqcast::inline v1::detail {

/// The largest sequence that anything in a region tells of, without believing any content.
template <class Atomics>
std::uint64_t newest_trace(const typename Atomics::Word* words, const Geometry& geometry) noexcept {
  std::uint64_t newest = SubscriberLines<Atomics>{words}.head();
  if (newest >= sequence_limit / 2) newest = 0;
  for (std::uint64_t index = 0; index < geometry.capacity; ++index) {
    const SubscriberSlot<Atomics> slot{words + geometry.slots_word + index * geometry.stride_words,
                                       geometry.payload_word};
    const std::uint64_t version = slot.version();
    if (plausible(version, index, geometry) && version < sequence_limit) {
      newest = (std::max)(newest, newest_proven(version));
    }
  }
  return newest;
}

template <class Atomics>
class Recovery {
 public:
  using Word = typename Atomics::Word;

  Recovery(Word* words, const Geometry& geometry) noexcept : words_{words}, geometry_{geometry} {}

  /// Makes a region of zeros one to publish into: slot 1 is opened, so that the invariant of the ring holds
  /// before anybody can see the region.
  void create() const noexcept {
    slot(0).open(1);
    lines().store_oldest(1);
  }

  /// Takes over after a publisher of the same boot. Gives the head, or nothing if the region is damaged.
  std::optional<std::uint64_t> take_over() const noexcept {
    const std::uint64_t found = SubscriberLines<Atomics>{words_}.head();
    if (found >= sequence_limit - geometry_.capacity) return std::nullopt;
    const std::uint64_t oldest = SubscriberLines<Atomics>{words_}.oldest();
    if (oldest > found + 1) return std::nullopt; // no subscriber could open the region

    // The dead one may have completed a message and not yet moved head.
    const bool behind = version_for(found + 1) == complete_version(found + 1);
    const std::uint64_t head = behind ? found + 1 : found;
    const bool has_messages = head > 0 && head >= oldest;
    if (has_messages && version_for(head) != complete_version(head)) return std::nullopt;
    if (version_for(head + 1) > open_version(head + 1)) return std::nullopt;
    for (std::uint64_t index = 0; index < geometry_.capacity; ++index) {
      const std::uint64_t version = slot(index).version();
      if (!plausible(version, index, geometry_) || newest_proven(version) > head) return std::nullopt;
    }

    if (behind) lines().store_head(head);
    slot(geometry_.index_of(head + 1)).open(head + 1);
    return head;
  }

  /// Takes over a file that an earlier boot of the machine left: its pages may have reached the disk in any
  /// order, so no content is believed; the sequence goes on above every trace. Gives the head.
  /// The boot id is stored by the caller, afterwards: until then a successor does all of this again.
  std::uint64_t take_over_after_reboot() const noexcept {
    const std::uint64_t head = newest_trace<Atomics>(words_, geometry_);
    lines().store_head(head);
    lines().store_oldest(head + 1);
    slot(geometry_.index_of(head + 1)).open(head + 1);
    for (std::uint64_t index = 0; index < geometry_.capacity; ++index) {
      if (index != geometry_.index_of(head + 1)) slot(index).discard();
    }
    return head;
  }

 private:
  PublisherLines<Atomics> lines() const noexcept {
    return PublisherLines<Atomics>{words_};
  }
  PublisherSlot<Atomics> slot(std::uint64_t index) const noexcept {
    return {words_ + geometry_.slots_word + index * geometry_.stride_words, geometry_.payload_word,
            geometry_.progress_word};
  }
  std::uint64_t version_for(std::uint64_t sequence) const noexcept {
    return slot(geometry_.index_of(sequence)).version();
  }

  Word* words_;
  Geometry geometry_;
};

} // namespace seqcast::inline v1::detail
