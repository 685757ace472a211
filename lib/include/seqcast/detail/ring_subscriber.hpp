// SPDX-License-Identifier: BSL-1.0
//
// ring_subscriber: which slot a subscriber looks at next, and what follows from what it finds there. Message m
// is in slot (m - 1) mod capacity.
//
// Who may call it: anybody, on a read-only mapping, one thread at a time per object. It does not own the
// region.
//
// Invariants
//   1. A cursor never moves back, and moves only when something is delivered, or is there but can never be
//      delivered (wrong_size).
//   2. sequence == previous + 1 + lost for what next() delivers.
//   3. Every call takes a bounded number of steps, whatever the region holds.
#pragma once

#include <seqcast/detail/destination.hpp>
#include <seqcast/detail/lines.hpp>
#include <seqcast/detail/slot.hpp>

namespace seqcast::inline v1::detail {

struct Taken {
  Outcome outcome = Outcome::nothing;
  std::uint64_t sequence = 0;
  std::uint64_t lost = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0; // with message and with buffer_too_small
};

/// Where next() goes on after an overrun.
enum class ResumeAt : std::uint8_t { half, newest, oldest };

/// The subscriber's side of the ring.
template <class Atomics>
class RingSubscriber {
 public:
  using Word = typename Atomics::Word;

  RingSubscriber() noexcept = default;

  /// Messages up to `cursor` count as read. None below `oldest` is ever delivered.
  RingSubscriber(const Word* words, const Geometry& geometry, std::uint64_t cursor, std::uint64_t oldest,
                 ResumeAt resume) noexcept
      : words_{words},
        geometry_{geometry},
        cursor_{cursor},
        previous_{cursor},
        oldest_{oldest},
        resume_{resume} {}

  /// The message after the cursor or, after an overrun, one further on, with the number lost in between.
  /// Progress: at most 2 attempts, at most one copy each.
  template <class Into>
  Taken next(const Into& into) noexcept {
    const Taken found = find_next(into);
    accept(found);
    return found;
  }

  /// The same without a copy: the message stays where it is, and unread until confirm().
  template <class InPlace>
  Taken view(const InPlace& in_place) noexcept {
    const Taken found = find_next(in_place);
    if (found.outcome != Outcome::message) accept(found);
    return found;
  }
  const Word* payload_of(std::uint64_t sequence) const noexcept {
    return slot_of(sequence).payload();
  }
  /// Whether what was read at payload_of(), since view() gave this message, is that message, which then counts
  /// as read.
  bool confirm(const Taken& viewed) noexcept {
    const SubscriberSlot<Atomics> slot = slot_of(viewed.sequence);
    slot.end_in_place();
    std::uint64_t now = 0;
    if (!slot.unchanged(complete_version(viewed.sequence), now)) return false;
    if (viewed.sequence > cursor_) accept(viewed);
    return true;
  }

  /// The newest complete message, read before or not; the cursor moves up to it.
  /// Progress: at most 4 attempts, at most two copies each.
  template <class Into>
  Taken latest(const Into& into) noexcept {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const std::uint64_t head = SubscriberLines<Atomics>{words_}.head();
      if (head >= sequence_limit) return {.outcome = Outcome::corrupt};
      // Head may be stale by one: look past it, so that latest() never goes back behind next().
      const std::uint64_t candidate = (std::max)(head, cursor_ + 1);
      Look found = look(candidate, into);
      if (found.sight == Sight::whole) return deliver(found, candidate);
      if (found.sight == Sight::not_yet) {
        if (candidate == head) return {.outcome = Outcome::corrupt}; // head is never ahead of the slots
        if (cursor_ < oldest_) return {.outcome = Outcome::nothing};
        found = look(cursor_, into);
        if (found.sight == Sight::whole) return deliver(found, cursor_);
        if (found.sight == Sight::not_yet) return {.outcome = Outcome::corrupt}; // it was there before
      }
      if (found.sight == Sight::corrupt) return {.outcome = Outcome::corrupt};
    }
    return {.outcome = Outcome::overrun};
  }

  /// The newest sequence known to be complete; at least the cursor.
  std::uint64_t newest() const noexcept {
    const std::uint64_t head = (std::max)(SubscriberLines<Atomics>{words_}.head(), cursor_);
    if (head >= sequence_limit - 1) return cursor_;
    const std::uint64_t version = slot_of(head + 1).version();
    return version == complete_version(head + 1) ? head + 1 : head;
  }

  /// Whether next() has something to say: a message, an overrun or a corrupt region.
  bool ready() const noexcept {
    return slot_of(cursor_ + 1).version() >= complete_version(cursor_ + 1);
  }

  std::uint64_t cursor() const noexcept {
    return cursor_;
  }
  const Geometry& geometry() const noexcept {
    return geometry_;
  }

 private:
  enum class Sight : std::uint8_t { whole, not_yet, overrun, corrupt };

  struct Look {
    Sight sight = Sight::corrupt;
    Outcome fit = Outcome::message;
    std::uint32_t size = 0;
    std::uint64_t time_ns = 0;
    std::uint64_t proven = 0; // with overrun: a message known to be complete, newer than the one looked for
  };

  SubscriberSlot<Atomics> slot_of(std::uint64_t sequence) const noexcept {
    return {words_ + geometry_.slots_word + geometry_.index_of(sequence) * geometry_.stride_words,
            geometry_.payload_word, geometry_.progress_word};
  }

  template <class Into>
  Look look(std::uint64_t sequence, const Into& into) const noexcept {
    const SubscriberSlot<Atomics> slot = slot_of(sequence);
    const std::uint64_t version = slot.version();
    // Known when it is compiled, for a message of a type.
    if (into.most() > Atomics::chunk_size()) {
      if (version == open_version(sequence) && geometry_.progress_word != 0)
        return follow(slot, sequence, into);
    }
    if (version != complete_version(sequence)) return other(version, sequence);

    Look found{.sight = Sight::whole};
    found.size = slot.size();
    if (geometry_.timestamps) found.time_ns = slot.time();
    found.fit = found.size <= geometry_.max_message_size ? into.fits(found.size) : Outcome::wrong_size;
    if (found.fit == Outcome::message) {
      load_payload<Atomics>(slot.payload(), into.to, into.count(found.size));
    }
    std::uint64_t now = 0;
    if (slot.unchanged(version, now)) return found;
    slot.moved_on();
    // A version never decreases, and it just was this message's.
    return now < version ? Look{} : other(now, sequence);
  }

  /// Copies a message that is being written, behind the publisher, as far as that goes on.
  template <class Into>
  Look follow(const SubscriberSlot<Atomics>& slot, std::uint64_t sequence, const Into& into) const noexcept {
    constexpr Look not_yet{.sight = Sight::not_yet};
    if (slot.progress(sequence) == 0) return not_yet;
    // Who has begun the message has to be who completes it; a successor stores the epoch after it has taken the
    // progress back.
    const SubscriberLines<Atomics> lines{words_};
    const std::uint64_t epoch = lines.epoch_number();
    std::uint64_t version = slot.version();
    if (version != open_version(sequence) || slot.progress(sequence) == 0) return not_yet;

    Look found{.sight = Sight::whole};
    found.size = slot.size();
    if (geometry_.timestamps) found.time_ns = slot.time();
    if (found.size > geometry_.max_message_size || into.fits(found.size) != Outcome::message) return not_yet;
    std::uint32_t done = 0;
    for (int looks = 0; looks < Atomics::most_looks();) {
      version = slot.version();
      const bool complete = version == complete_version(sequence);
      const std::uint32_t there = complete ? found.size : slot.progress(sequence);
      if (there > found.size || (!complete && version != open_version(sequence))) break;
      if (there > done) {
        load_payload<Atomics>(slot.payload() + done / word_size, into.to + done, there - done);
        done = there;
        looks = 0;
      } else {
        ++looks;
        Atomics::pause();
      }
      if (complete) break;
    }
    if (version != complete_version(sequence)) return not_yet;
    std::uint64_t now = 0;
    if (!slot.unchanged(version, now)) {
      slot.moved_on();
      return now < version ? Look{} : other(now, sequence);
    }
    return lines.epoch_number_again() == epoch ? found : not_yet;
  }

  /// What a version other than that of the message sought tells.
  Look other(std::uint64_t version, std::uint64_t sequence) const noexcept {
    if (!plausible(version, geometry_.index_of(sequence), geometry_)) return {};
    if (version < complete_version(sequence)) return {.sight = Sight::not_yet};
    return {.sight = Sight::overrun, .proven = newest_proven(version)};
  }

  /// A sequence above the one that was overrun, since `known` is at least capacity - 1 above that.
  /// It is the newer of head and what the version proves (lib/docs/decisions/0002-resume-from-head.md): head
  /// may be stale, and a version tells only when its own slot was last used, up to capacity - 2 messages ago.
  std::uint64_t resume_from(std::uint64_t known) const noexcept {
    switch (resume_) {
      case ResumeAt::newest:
        return known;
      case ResumeAt::oldest:
        return known - geometry_.capacity + 2;
      case ResumeAt::half:
        break;
    }
    return known - geometry_.capacity / 2 + 1;
  }

  template <class Into>
  Taken find_next(const Into& into) const noexcept {
    std::uint64_t sequence = cursor_ + 1;
    for (int attempt = 0; attempt < 2; ++attempt) {
      const Look found = look(sequence, into);
      switch (found.sight) {
        case Sight::whole:
          return {found.fit, sequence, sequence - previous_ - 1, found.time_ns, found.size};
        case Sight::not_yet:
          // A message that a version proved complete is there, in an honest region.
          return {.outcome = attempt == 0 ? Outcome::nothing : Outcome::corrupt};
        case Sight::overrun: {
          const std::uint64_t head = SubscriberLines<Atomics>{words_}.head();
          if (head >= sequence_limit) return {.outcome = Outcome::corrupt};
          sequence = resume_from((std::max)(found.proven, head));
          break;
        }
        case Sight::corrupt:
          return {.outcome = Outcome::corrupt};
      }
    }
    return {.outcome = Outcome::overrun};
  }

  void accept(const Taken& taken) noexcept {
    if (taken.outcome == Outcome::message || taken.outcome == Outcome::wrong_size) cursor_ = taken.sequence;
    if (taken.outcome == Outcome::message) previous_ = taken.sequence;
  }

  Taken deliver(const Look& found, std::uint64_t sequence) noexcept {
    const Taken taken{found.fit, sequence, 0, found.time_ns, found.size};
    accept(taken);
    return taken;
  }

  const Word* words_ = nullptr;
  Geometry geometry_;
  std::uint64_t cursor_ = 0;   // the last message read, or passed over
  std::uint64_t previous_ = 0; // the last message delivered: `lost` counts from it
  std::uint64_t oldest_ = 1;
  ResumeAt resume_ = ResumeAt::half;
};

} // namespace seqcast::inline v1::detail
