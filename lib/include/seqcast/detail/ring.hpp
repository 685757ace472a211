// SPDX-License-Identifier: BSL-1.0
//
// ring: which slot a sequence goes into, both sides. Message m goes into slot (m - 1) mod capacity.
//
// Who may call it: RingPublisher the holder of the channel's lock, one thread at a time; RingSubscriber
// anybody, on a read-only mapping, one thread at a time per object. Neither owns the region.
//
// Invariants
//   1. Outside publish() the slot of message head + 1 is open, from the region's creation on. A publisher that
//      dies in the middle of a message therefore leaves what an idle one leaves.
//   2. Head may be one behind the slots, never ahead of them.
//   3. A subscriber's cursor never moves back, and moves only when something is delivered, or is there but can
//      never be delivered (wrong_size).
//   4. sequence == previous + 1 + lost for what next() delivers.
//   5. Every call takes a bounded number of steps, whatever the region holds.
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

  /// Publishes the `size` bytes at `from`; where the channel has progress, so that subscribers can follow.
  std::uint64_t publish_bytes(const std::byte* from, std::uint32_t size, std::uint64_t time_ns) noexcept {
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

  bool has_time(std::uint32_t size) noexcept {
    if constexpr (requires { Atomics::now(); }) {
      return size < Pace::asked_from || pace_.has_time(size, Atomics::now);
    }
    return true;
  }

  Word* words_ = nullptr;
  Word* open_ = nullptr; // the slot of message head + 1
  Geometry geometry_;
  std::uint64_t head_ = 0;
  Pace pace_;
};

/// What became of an attempt to read.
enum class Outcome : std::uint8_t {
  message,          // delivered
  nothing,          // nothing to deliver yet
  overrun,          // the publisher was faster than each of a bounded number of attempts
  corrupt,          // the region holds what no honest publisher stores
  wrong_size,       // a whole message whose size nobody may believe; passed over
  buffer_too_small, // a whole message, longer than the caller's buffer; still unread
};

struct Taken {
  Outcome outcome = Outcome::nothing;
  std::uint64_t sequence = 0;
  std::uint64_t lost = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0; // with message and with buffer_too_small
};

/// Where next() goes on after an overrun.
enum class ResumeAt : std::uint8_t { half, newest, oldest };

/// A destination that takes messages of exactly `size` bytes.
struct ExactInto {
  std::byte* to;
  std::uint32_t size;

  constexpr Outcome fits(std::uint32_t found) const noexcept {
    return found == size ? Outcome::message : Outcome::wrong_size;
  }
  /// The bytes to copy, a constant wherever `size` is one.
  constexpr std::uint32_t count(std::uint32_t) const noexcept {
    return size;
  }
  /// The most bytes that there can be to copy.
  constexpr std::size_t most() const noexcept {
    return size;
  }
};

/// A destination for messages of up to `room` bytes.
struct BoundedInto {
  std::byte* to;
  std::size_t room;

  constexpr Outcome fits(std::uint32_t found) const noexcept {
    return found <= room ? Outcome::message : Outcome::buffer_too_small;
  }
  constexpr std::uint32_t count(std::uint32_t found) const noexcept {
    return found;
  }
  constexpr std::size_t most() const noexcept {
    return room;
  }
};

/// No destination: a message of exactly `size` bytes is looked at where it is.
struct ExactInPlace {
  std::uint32_t size;
  std::byte* to = nullptr;

  constexpr Outcome fits(std::uint32_t found) const noexcept {
    return found == size ? Outcome::message : Outcome::wrong_size;
  }
  constexpr std::uint32_t count(std::uint32_t) const noexcept {
    return 0;
  }
  constexpr std::size_t most() const noexcept {
    return 0;
  }
};

/// The same for a message of any size.
struct AnyInPlace {
  std::byte* to = nullptr;

  constexpr Outcome fits(std::uint32_t) const noexcept {
    return Outcome::message;
  }
  constexpr std::uint32_t count(std::uint32_t) const noexcept {
    return 0;
  }
  constexpr std::size_t most() const noexcept {
    return 0;
  }
};

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
    if (head >= sequence_limit) return cursor_;
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
