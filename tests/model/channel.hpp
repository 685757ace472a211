// SPDX-License-Identifier: BSL-1.0
//
// channel: modelled programs out of the library's own publisher, subscriber and recovery, and what must hold in
// each of their executions:
//   - what a subscriber is given is one whole message (G1), in order, with the exact number lost (G2), and
//     latest() never goes back;
//   - an honest region is never called corrupt or damaged;
//   - no version decreases, no sequence is used twice and none is left out, so that no complete message is lost
//   at a
//     take-over (G6); head is at most one behind the slots and never ahead.
// A message's payload words all tell its sequence and their place, so that no other words can pass for them.
#pragma once

#include "trace.hpp"

#include <seqcast/detail/recovery.hpp>
#include <seqcast/detail/ring_publisher.hpp>
#include <seqcast/detail/ring_subscriber.hpp>

#include <map>

namespace model {

using seqcast::detail::BoundedInto;
using seqcast::detail::Geometry;
using seqcast::detail::Outcome;
using seqcast::detail::Recovery;
using seqcast::detail::ResumeAt;
using seqcast::detail::RingPublisher;
using seqcast::detail::RingSubscriber;
using seqcast::detail::Taken;
using Lines = seqcast::detail::PublisherLines<Atomics>;
using Sights = seqcast::detail::SubscriberLines<Atomics>;

struct Shape {
  std::uint64_t capacity = 2;
  std::size_t words = 2;    // of the longest message
  std::uint64_t before = 0; // messages published before the program begins
  bool varied = false;      // odd messages are one word shorter
  std::size_t line = 64;    // words of a cache line; here a slot is not longer, so that no line is owned ahead
  bool behind = false;      // subscribers follow a message while it is written
  std::uint64_t total = 0; // messages ever published, if it is known: then no call may give up without a reason
};

inline constexpr std::size_t most_words = 4;
using Payload = std::array<std::uint64_t, most_words>;

inline Geometry geometry_of(const Shape& shape) {
  const std::size_t payload_word =
      seqcast::detail::smallest_payload_offset / seqcast::detail::word_size + (shape.behind ? 1 : 0);
  return {.slots_word = seqcast::detail::header_size / seqcast::detail::word_size,
          .stride_words = payload_word + shape.words,
          .capacity = shape.capacity,
          .payload_word = payload_word,
          .max_message_size = static_cast<std::uint32_t>(shape.words * seqcast::detail::word_size),
          .progress_word = shape.behind ? seqcast::detail::progress_word_untimed : 0};
}

inline std::size_t words_of(const Shape& shape, std::uint64_t sequence) {
  return shape.words - (shape.varied ? sequence % 2 : 0);
}
/// A word of a message by the publisher of this epoch: two publishers of one sequence must not be mixed.
inline std::uint64_t payload_word(std::uint64_t sequence, std::size_t i, std::uint64_t epoch = 0) {
  return epoch * 4096 + sequence * 16 + i + 1;
}

/// Publishes the next message, as Publisher::publish() does.
template <class Ring>
void publish(Ring& ring, const Shape& shape, std::uint64_t epoch = 0) {
  Machine::get().enter(Phase::publish);
  const std::uint64_t sequence = ring.head() + 1;
  const std::size_t size = words_of(shape, sequence) * seqcast::detail::word_size;
  Payload payload{};
  for (std::size_t i = 0; i < most_words; ++i) payload[i] = payload_word(sequence, i, epoch);
  if (shape.behind) {
    ring.publish_bytes(static_cast<const std::byte*>(static_cast<void*>(&payload)),
                       static_cast<std::uint32_t>(size), 0);
    return;
  }
  ring.publish(static_cast<std::uint32_t>(size), 0, [&](Machine::Word* to) {
    seqcast::detail::store_payload<Atomics>(to, static_cast<const std::byte*>(static_cast<void*>(&payload)),
                                            size);
  });
}

inline RingPublisher<Atomics> first_publisher(const Shape& shape) {
  return {Machine::get().word(0), geometry_of(shape), shape.before};
}

inline std::function<void()> setup(const Shape& shape) {
  return [shape] {
    Machine::get().describe(geometry_of(shape), shape.line);
    Recovery<Atomics>{Machine::get().word(0), geometry_of(shape)}.create();
    RingPublisher<Atomics> ring{Machine::get().word(0), geometry_of(shape), 0};
    for (std::uint64_t i = 0; i < shape.before; ++i) publish(ring, shape);
  };
}

/// The ring of a publisher that takes the channel over.
inline RingPublisher<Atomics> take_over(const Shape& shape) {
  Machine& machine = Machine::get();
  machine.enter(Phase::recover);
  const auto head = Recovery<Atomics>{machine.word(0), geometry_of(shape)}.take_over();
  if (!head) machine.fail("a successor calls the region damaged");
  return {machine.word(0), geometry_of(shape), *head};
}

/// A subscriber that checks whatever it is given. `Ring` is the library's, or a variant that must be refuted.
template <class Ring = RingSubscriber<Atomics>>
class Checking {
 public:
  Checking(const Shape& shape, std::uint64_t cursor, std::uint64_t oldest = 1, ResumeAt resume = ResumeAt::half)
      : shape_{shape},
        resume_{resume},
        ring_{Machine::get().word(0), geometry_of(shape), cursor, oldest, resume},
        newest_{cursor},
        delivered_{cursor} {}

  /// The sequence that was delivered, or 0.
  std::uint64_t next() {
    Machine::get().enter(Phase::next);
    const Taken taken = ring_.next(into());
    // Two attempts: a message that was overrun, and one at which the publisher was faster once more.
    const std::uint64_t first = ring_.cursor() + 1;
    check_patience(taken, resume_from(first + shape_.capacity - 1) + shape_.capacity - 1);
    if (!whole(taken)) return 0;
    if (taken.sequence <= newest_) fail("next() goes back, to", taken.sequence);
    if (taken.sequence != delivered_ + 1 + taken.lost) fail("next() miscounts what was lost");
    return remember(taken);
  }
  std::uint64_t latest() {
    Machine::get().enter(Phase::latest);
    const Taken taken = ring_.latest(into());
    // Four attempts, each but one at a message that is newer by a whole turn of the ring, less one slot.
    check_patience(taken, ring_.cursor() + 4 * (shape_.capacity - 1));
    if (!whole(taken)) return 0;
    if (taken.sequence < newest_) fail("latest() goes back, to", taken.sequence);
    return remember(taken);
  }
  Ring& ring() {
    return ring_;
  }

 private:
  BoundedInto into() {
    return {static_cast<std::byte*>(static_cast<void*>(&payload_)), sizeof(payload_)};
  }
  [[noreturn]] static void fail(const char* text, std::uint64_t number = 0) {
    Machine::get().fail(text, number);
  }
  /// `needed`: how many messages there must be before the call may give up.
  void check_patience(const Taken& taken, std::uint64_t needed) const {
    if (taken.outcome == Outcome::overrun && shape_.total > 0 && shape_.total < needed) {
      fail("a call gives up though it was not overrun often enough");
    }
  }
  std::uint64_t resume_from(std::uint64_t proven) const {
    if (resume_ == ResumeAt::newest) return proven;
    if (resume_ == ResumeAt::oldest) return proven - shape_.capacity + 2;
    return proven - shape_.capacity / 2 + 1;
  }
  bool whole(const Taken& taken) const {
    if (taken.outcome == Outcome::corrupt) fail("an honest region is called corrupt");
    if (taken.outcome == Outcome::wrong_size || taken.outcome == Outcome::buffer_too_small) fail("a torn size");
    if (taken.outcome != Outcome::message) return false;
    if (taken.size != words_of(shape_, taken.sequence) * seqcast::detail::word_size) fail("a torn size");
    for (std::size_t i = 0; i < words_of(shape_, taken.sequence); ++i) {
      if (payload_[i] != payload_word(taken.sequence, i, payload_[0] / 4096)) {
        fail("torn: message", taken.sequence);
      }
    }
    return true;
  }
  std::uint64_t remember(const Taken& taken) {
    return newest_ = delivered_ = taken.sequence;
  }

  Shape shape_;
  ResumeAt resume_;
  Ring ring_;
  Payload payload_{};
  std::uint64_t newest_;
  std::uint64_t delivered_;
};

// Threads.

inline Thread publishing(const Shape& shape, int messages) {
  return {.name = "publisher", .body = [=] {
            auto ring = first_publisher(shape);
            for (int i = 0; i < messages; ++i) publish(ring, shape);
          }};
}

inline Thread succeeding(const std::string& name, const Shape& shape, int messages, std::size_t after,
                         bool ordered) {
  return {.name = name,
          .body =
              [=] {
                auto ring = take_over(shape);
                std::uint64_t epoch = 0;
                if (shape.behind) {
                  epoch = Sights{Machine::get().word(0)}.epoch().first + 1;
                  Lines{Machine::get().word(0)}.store_epoch(epoch, ring.head() + 1);
                }
                for (int i = 0; i < messages; ++i) publish(ring, shape, epoch);
              },
          .after = {after},
          .ordered = ordered};
}

/// Reads by `calls`: n is next(), l is latest().
template <class Ring = RingSubscriber<Atomics>>
Thread reading(const std::string& name, const Shape& shape, const std::string& calls,
               ResumeAt resume = ResumeAt::half) {
  return {.name = name, .body = [=] {
            Checking<Ring> subscriber{shape, shape.before, 1, resume};
            for (const char call : calls) {
              if (call == 'n') subscriber.next();
              if (call == 'l') subscriber.latest();
            }
          }};
}

/// What a reader that comes after everything gets: every message that is still there, and the newest.
struct Last {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t newest = 0;
};
inline Last& last_reader() {
  static Last last;
  return last;
}

inline Thread reading_last(const Shape& shape, std::vector<std::size_t> after) {
  return {.name = "last reader",
          .body =
              [=] {
                // As SubscriberRegion finds where reading can begin.
                const std::uint64_t head = Sights{Machine::get().word(0)}.head();
                const std::uint64_t newest = Checking<>{shape, head, 1}.ring().newest();
                const std::uint64_t oldest = newest + 2 > shape.capacity ? newest + 2 - shape.capacity : 1;
                Checking<> subscriber{shape, oldest - 1, oldest};
                Last last{.first = oldest};
                while (subscriber.next() != 0) ++last.count;
                last.newest = subscriber.latest();
                last_reader() = last;
              },
          .after = std::move(after)};
}

/// What is wrong with the slots and head in the end.
inline std::string check_slots(const Final& end, bool read_last) {
  const Machine& machine = Machine::get();
  std::map<std::uint64_t, int> complete;
  std::uint64_t head = 0;
  for (std::size_t l = 0; l < machine.locations(); ++l) {
    const Place place = machine.place_of(machine.word_of(l));
    if (place != Place::version && place != Place::head) continue;
    std::uint64_t value = machine.initial(l);
    if (place == Place::version && value > 0 && value % 2 == 0) ++complete[value / 2];
    for (const EventId id : end.graph.stores[l]) {
      const std::uint64_t next = end.graph.at(id).value;
      if (next < value) return machine.name_of(l) + " decreases";
      value = next;
      if (place == Place::version && value % 2 == 0) ++complete[value / 2];
    }
    if (place == Place::head) head = value;
  }
  std::uint64_t newest = 0;
  for (const auto& [sequence, times] : complete) {
    if (times > 1) return "sequence " + std::to_string(sequence) + " is used twice";
    if (newest > 0 && sequence != newest + 1) return "a sequence is left out";
    newest = sequence;
  }
  if (head > newest) return "head is ahead of the slots";
  if (head + 1 < newest) return "head is two behind the slots";
  const Last& last = last_reader();
  if (read_last && (last.newest != newest || last.first + last.count != newest + 1)) {
    return "a complete message is lost";
  }
  return {};
}

inline Program channel(const Shape& shape, std::vector<Thread> threads) {
  bool read_last = false;
  for (const Thread& thread : threads) read_last = read_last || thread.name == "last reader";
  return {.setup = setup(shape), .threads = std::move(threads), .at_end = [=](const Final& end) {
            return check_slots(end, read_last);
          }};
}

} // namespace model
