// SPDX-License-Identifier: BSL-1.0
//
// recovery: how a publisher takes over a region that another one left, by closing or by dying at any
// instruction. Every word of the region is checked before it is used. A template like the ring, so that the
// model checker runs this code; lib/src/opening.cpp compiles it for users.
//
// Who may call it: the holder of the channel's lock, before it publishes anything.
//
// Invariants
//   1. A damaged region is left exactly as it was found.
//   2. Every store may be the last one: a successor recovers to the same state.
//   3. No complete message is lost, but by a jump that was begun, and no sequence is used twice within one boot
//      of the machine.
#pragma once

#include <seqcast/detail/ring.hpp>

#include <optional>

namespace seqcast::inline v1::detail {

/// The largest sequence that head or a plausible version names, or in a channel with gaps `oldest`, whatever
/// else the region contains.
template <class Policy>
std::uint64_t newest_plausible(const typename Policy::Word* words, const Geometry& geometry) noexcept {
  std::uint64_t newest = load_head(words);
  if (newest >= sequence_limit / 2) newest = 0;
  // Of a jump that a dead publisher has begun: subscribers may have followed it.
  const std::uint64_t oldest = SubscriberHeader<Policy>{words}.oldest();
  if (geometry.gaps && oldest > newest && oldest < sequence_limit / 2) newest = oldest - 1;
  for (std::uint64_t index = 0; index < geometry.capacity; ++index) {
    const std::uint64_t version = load_version(slot_of(index + 1, words, geometry));
    if (plausible(version, index, geometry) && version < sequence_limit) {
      newest = larger_of(newest, newest_proven(version));
    }
  }
  return newest;
}

template <class Policy>
class Recovery {
 public:
  using Word = typename Policy::Word;

  Recovery(Word* words, const Geometry& geometry) noexcept : words_{words}, geometry_{geometry} {}

  /// Makes a region of zeros one to publish into: slot 1 is opened, so that the invariant of the ring holds
  /// before the region becomes visible.
  void create() const noexcept {
    open_slot(slot(1), geometry_, 1);
    PublisherHeader<Policy>{words_}.store_oldest(1);
  }

  /// Takes over after a publisher of the same boot. Gives the head, or nothing if the region is damaged.
  std::optional<std::uint64_t> take_over() const noexcept {
    const std::uint64_t found = load_head(words_);
    if (found >= sequence_limit - geometry_.capacity) return std::nullopt;
    const std::uint64_t oldest = SubscriberHeader<Policy>{words_}.oldest();
    if (oldest > found + 1) return finish_jump(found, oldest);

    // The dead one may have completed a message and not yet stored head.
    const bool behind = load_version(slot(found + 1)) == complete_version(found + 1);
    const std::uint64_t head = behind ? found + 1 : found;
    const bool has_messages = head > 0 && head >= oldest;
    if (has_messages && load_version(slot(head)) != complete_version(head)) return std::nullopt;
    for (std::uint64_t index = 0; index < geometry_.capacity; ++index) {
      const std::uint64_t version = load_version(slot(index + 1));
      if (!plausible(version, index, geometry_) || newest_proven(version) > head) return std::nullopt;
    }

    // The dead one may not have opened all slots for what comes after its jump.
    if (geometry_.gaps && oldest == head + 1 && head >= geometry_.capacity) return finish_jump(head, oldest);
    if (behind) store_head(head);
    open_slot(slot(head + 1), geometry_, head + 1);
    return head;
  }

  /// Takes over a file that an earlier boot of the machine left: its pages may have reached the disk in any
  /// order, so all messages are discarded, and the sequence goes on far enough above every plausible one that no
  /// version decreases. A subscriber that is attached all the same finds itself lapped by the discarded messages,
  /// and counts them as lost. Gives the head.
  /// The caller stores the boot afterwards: until then a successor does all of this again.
  std::uint64_t take_over_after_reboot() const noexcept {
    const std::uint64_t head = newest_plausible<Policy>(words_, geometry_) + geometry_.capacity;
    discard_up_to<Policy>(head, words_, geometry_);
    return head;
  }

 private:
  Word* slot(std::uint64_t sequence) const noexcept {
    return slot_of(sequence, words_, geometry_);
  }
  /// Finishes a jump to `oldest` - 1 of which its publisher has stored `oldest`, and perhaps more; head was
  /// `found`. Gives the head, or nothing if no jump leaves this.
  std::optional<std::uint64_t> finish_jump(std::uint64_t found, std::uint64_t oldest) const noexcept {
    const std::uint64_t head = oldest - 1;
    const bool head_stored = head == found;
    const bool begun = head <= largest_skip_head && head - found >= geometry_.capacity;
    if (!geometry_.gaps || !(head_stored || begun)) return std::nullopt;
    for (std::uint64_t sequence = head - geometry_.capacity + 2; sequence <= head + 1; ++sequence) {
      const std::uint64_t version = load_version(slot(sequence));
      const bool expected =
          plausible(version, geometry_.index_of(sequence), geometry_) && version <= open_version(sequence);
      // Before head is stored no slot is opened, and head may be one behind the last message.
      if (!expected || (!head_stored && newest_proven(version) > found + 1)) return std::nullopt;
    }
    discard_up_to<Policy>(head, words_, geometry_);
    return head;
  }
  void store_head(std::uint64_t head) const noexcept {
    // [head] release: pairs with the acquire in load_head(), as in publish_with().
    words_[head_word].store(head, std::memory_order_release);
  }

  Word* words_;
  Geometry geometry_;
};

} // namespace seqcast::inline v1::detail
