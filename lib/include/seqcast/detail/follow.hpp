// SPDX-License-Identifier: BSL-1.0
//
// follow: copying a large message while it is still being written, a chunk behind the publisher. Skip this file
// if your channel has no PublisherOptions::copy_behind, or no messages longer than a chunk: nothing of it is
// executed then. Both halves; each tag in brackets has its paragraph in lib/docs/ordering.md.
//
//     publisher                                  subscriber
//     ---------                                  ----------
//     (slot open for message m)                  epoch                     acquire  [epoch]
//     store size                     relaxed     progress of m?            acquire  [progress]
//     store a chunk of the payload   relaxed     size                      relaxed
//     progress = m, bytes stored     release     copy what is stored, until the version is 2m
//     ... until all but the last chunk           version again [slot-open], epoch again: both unchanged
//     (then as for any message)
//
// Invariants
//   1. What is delivered was copied from one publisher's message: who began it is who completed it.
//   2. Only growth by a whole chunk counts, as every progress of a publisher has. The subscriber polls without
//      it Policy::max_polls() times, then gives up. So a call polls at most max_polls() times the number of the
//      message's chunks, and one, whatever a hostile publisher stores.
#pragma once

#include <seqcast/detail/copy.hpp>
#include <seqcast/detail/header.hpp>

namespace seqcast::inline v1::detail {

/// The first `bytes` bytes of this message are stored; 0 when its slot is opened.
constexpr std::uint64_t pack_progress(std::uint64_t sequence, std::uint32_t bytes) noexcept {
  return sequence << 32 | bytes;
}
/// In whole words; 0 for a progress of another message.
constexpr std::uint32_t progress_in(std::uint64_t word, std::uint64_t sequence) noexcept {
  return word >> 32 == (sequence & 0xFFFF'FFFF) ? static_cast<std::uint32_t>(word) & ~7U : 0;
}

/// Stores the payload of the message that `slot` is open for in chunks, each followed by the progress.
/// Requires: the channel has progress words; the [slot-open] fence of this slot has been executed.
template <class Policy>
void store_in_chunks(typename Policy::Word* slot, const Geometry& geometry, std::uint64_t sequence,
                     const std::byte* from, std::uint32_t size, std::uint64_t time_ns, CopyMode mode) noexcept {
  constexpr auto chunk = static_cast<std::uint32_t>(Policy::chunk_size());
  typename Policy::Word* const payload = slot + geometry.payload_word;
  // relaxed: the progress below is a release.
  slot[size_word].store(pack_size(size), std::memory_order_relaxed);
  if (geometry.timestamps)
    slot[time_word].store(time_ns, std::memory_order_relaxed); // relaxed: as for the size
  std::uint32_t done = 0;
  for (; size - done > chunk; done += chunk) {
    store_payload<Policy>(payload + done / word_size, from + done, chunk, mode);
    // [progress] release: pairs with the acquire in load_progress().
    // Otherwise a subscriber that follows could copy words that are not stored yet.
    slot[geometry.progress_word].store(pack_progress(sequence, done + chunk), std::memory_order_release);
  }
  store_payload<Policy>(payload + done / word_size, from + done, size - done, mode);
}

template <class Word>
std::uint32_t load_progress(const Word* slot, const Geometry& geometry, std::uint64_t sequence) noexcept {
  // [progress] acquire: pairs with the release in store_in_chunks().
  // Otherwise the words copied next could be older than the progress that covers them.
  return progress_in(slot[geometry.progress_word].load(std::memory_order_acquire), sequence);
}

/// A message that was copied while it was written.
struct Followed {
  bool complete = false; // otherwise nothing was copied that may be used
  std::uint32_t size = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t epoch = 0; // to be compared by is_still_epoch() once the version was found unchanged
};

/// Copies message `sequence` behind the publisher, until its version says that it is complete.
/// Requires: the channel has progress words. `load_version` loads the slot's version with acquire; `open` and
/// `complete` are the message's versions.
template <class Policy, class Destination, class LoadVersion>
Followed follow(const typename Policy::Word* words, const typename Policy::Word* slot, const Geometry& geometry,
                std::uint64_t sequence, const Destination& to, const LoadVersion& load_version,
                std::uint64_t open, std::uint64_t complete) noexcept {
  // A publisher stores its epoch only after it has reset its predecessor's progress to 0. So a progress that is
  // there after the epoch was loaded is that epoch's, and so is the size that it covers.
  Followed followed{.epoch = SubscriberHeader<Policy>{words}.epoch_number()};
  if (load_progress(slot, geometry, sequence) == 0) return {};

  // relaxed: [progress] has acquired them.
  const std::uint64_t marked = marked_size(slot[size_word].load(std::memory_order_relaxed));
  followed.size = static_cast<std::uint32_t>(marked);
  if (geometry.timestamps) followed.time_ns = slot[time_word].load(std::memory_order_relaxed);
  if (marked > geometry.max_message_size || !to.accepts(marked)) return {};
  constexpr auto chunk = static_cast<std::uint32_t>(Policy::chunk_size());
  std::uint32_t done = 0;
  for (int polls = 0; polls < Policy::max_polls() && !followed.complete;) {
    const std::uint64_t version = load_version(slot);
    followed.complete = version == complete;
    if (!followed.complete && version != open) break;
    const std::uint32_t stored = followed.complete ? followed.size : load_progress(slot, geometry, sequence);
    if (stored > followed.size) return {};
    if (followed.complete || stored >= done + chunk) {
      load_payload<Policy>(slot + geometry.payload_word + done / word_size, to.bytes + done, stored - done,
                           false);
      done = stored;
      polls = 0;
    } else {
      ++polls;
      Policy::pause();
    }
  }
  return followed;
}

/// Whether the publisher that began the message completed it.
template <class Policy>
bool is_still_epoch(const typename Policy::Word* words, std::uint64_t epoch) noexcept {
  // relaxed: who completed the message had stored its epoch before, and [message-ready] has acquired that.
  return words[epoch_word].load(std::memory_order_relaxed) == epoch;
}

} // namespace seqcast::inline v1::detail
