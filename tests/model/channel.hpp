// SPDX-License-Identifier: BSL-1.0
//
// channel: modelled programs of the library's own publisher, subscriber and recovery, and what must hold in
// each of their executions:
//   - a subscriber gets whole messages (G1), copied, followed or in place, each with its own publish time, in
//     order, with the exact number lost (G2), and latest() never goes back;
//   - an honest region is never reported as corrupt or damaged;
//   - no version decreases, no sequence is used twice and none is left out, so that no complete message is lost
//     at a take-over (G6); head is at most one behind the slots and never ahead.
// Every payload word depends on its message's sequence and on its position, so that no mix of two
// messages passes.
#pragma once

#include "trace.hpp"

#include <seqcast/detail/recovery.hpp>
#include "support/resume.hpp"

#include <map>

namespace model {

using seqcast::ResumePosition;
using seqcast::detail::BufferDestination;
using seqcast::detail::Geometry;
using seqcast::detail::ReadResult;
using seqcast::detail::ReadStatus;
using seqcast::detail::Recovery;
using seqcast::detail::RingPublisher;
using seqcast::detail::RingSubscriber;
using PublisherHeader = seqcast::detail::PublisherHeader<Policy>;
using SubscriberHeader = seqcast::detail::SubscriberHeader<Policy>;

struct Shape {
  std::uint64_t capacity = 2;
  std::size_t words = 2;    // of the longest message
  std::uint64_t before = 0; // messages published before the program begins
  bool varied = false;      // odd messages are one word shorter
  std::size_t line = 64;    // words of a cache line; 64 is more than a slot has, so that nothing is prefetched
  bool strings = false;     // lines are prefetched by string instructions
  bool behind = false;      // subscribers copy a message while it is written
  bool timed = false;       // with publish times
  bool in_place = false;    // published by open_payload(), not copied
  bool resized = false;     // messages of a successor are one word shorter
  const char* steps = ""; // in a channel with gaps: m a message, g a gap, j a jump of `capacity`, J of one more
  std::uint64_t total =
      0; // messages ever published; 0: unknown. If known, overruns are checked for their cause
};

inline constexpr std::size_t max_words = 4;
using Payload = std::array<std::uint64_t, max_words>;

inline Geometry geometry_of(const Shape& shape) {
  namespace layout = seqcast::detail;
  const std::size_t payload_word =
      layout::smallest_payload_offset / layout::word_size + (shape.timed ? 1 : 0) + (shape.behind ? 1 : 0);
  const std::size_t progress_word = shape.timed ? layout::progress_word_timed : layout::progress_word_untimed;
  return {.slots_word = layout::header_size / layout::word_size,
          .stride_words = payload_word + shape.words,
          .capacity = shape.capacity,
          .payload_word = payload_word,
          .max_message_size = static_cast<std::uint32_t>(shape.words * layout::word_size),
          .timestamps = shape.timed,
          .gaps = *shape.steps != 0,
          .progress_word = shape.behind ? progress_word : 0};
}

/// Bytes of a message by the publisher of this epoch.
inline std::uint32_t size_of(const Shape& shape, std::uint64_t sequence, std::uint64_t epoch) {
  const std::size_t shorter = (shape.varied ? sequence % 2 : 0) + (shape.resized && epoch > 0 ? 1 : 0);
  return static_cast<std::uint32_t>((shape.words - shorter) * seqcast::detail::word_size);
}
/// A word of a message by the publisher of this epoch, so that messages of two publishers with one
/// sequence differ.
inline std::uint64_t payload_word(std::uint64_t sequence, std::size_t i, std::uint64_t epoch = 0) {
  return epoch * 4096 + sequence * 16 + i + 1;
}
/// The publish time: another one for each message.
inline std::uint64_t time_of(std::uint64_t sequence, std::uint64_t epoch) {
  return payload_word(sequence, max_words, epoch);
}

/// Publishes the next message, as Publisher::publish() does, or as Publisher::loan() and Loan::commit() do.
template <class Ring>
void publish(Ring& ring, const Shape& shape, std::uint64_t epoch = 0) {
  const std::uint64_t sequence = ring.head() + 1;
  const std::uint32_t size = size_of(shape, sequence, epoch);
  const std::uint64_t time = time_of(sequence, epoch);
  if (shape.in_place) {
    Machine::get().enter(Phase::loan);
    Machine::Word* const words = ring.open_payload();
    for (std::size_t i = 0; i < size / seqcast::detail::word_size; ++i) {
      words[i].store(payload_word(sequence, i, epoch),
                     std::memory_order_relaxed); // a plain store, in a program
    }
    Machine::get().enter(Phase::publish);
    ring.publish_with(size, time, [](Machine::Word*) {});
    return;
  }
  Machine::get().enter(Phase::publish);
  Payload payload{};
  for (std::size_t i = 0; i < max_words; ++i) payload[i] = payload_word(sequence, i, epoch);
  ring.publish(static_cast<const std::byte*>(static_cast<void*>(&payload)), size, time);
}

/// The sequences that a step takes.
inline std::uint64_t length_of(const Shape& shape, char step) {
  return step == 'j' ? shape.capacity : step == 'J' ? shape.capacity + 1 : 1;
}

/// Publishes by one of the steps of a shape.
template <class Ring>
void take_step(Ring& ring, const Shape& shape, char step) {
  if (step == 'm') return publish(ring, shape);
  Machine::get().enter(Phase::publish);
  if (step == 'g') {
    ring.publish_gap(time_of(ring.head() + 1, 0));
  } else {
    ring.jump(ring.head() + length_of(shape, step));
  }
}

/// Whether the sequence is one that the steps leave out.
inline bool is_gap(const Shape& shape, std::uint64_t sequence) {
  std::uint64_t last = shape.before;
  for (const char* step = shape.steps; *step != 0; ++step) {
    const std::uint64_t first = last + 1;
    last += length_of(shape, *step);
    if (sequence >= first && sequence <= last) return *step != 'm';
  }
  return false;
}

/// The newest message at the end of all steps, of those that the ring still has; 0 if there is none.
inline std::uint64_t newest_message(const Shape& shape) {
  std::uint64_t head = shape.before;
  std::uint64_t newest = head;
  for (const char* step = shape.steps; *step != 0; ++step) {
    head += length_of(shape, *step);
    if (*step == 'm') newest = head;
    if (*step == 'j' || *step == 'J') newest = 0;
  }
  return newest + shape.capacity > head + 1 ? newest : 0;
}

inline RingPublisher<Policy> first_publisher(const Shape& shape) {
  return {Machine::get().word(0), geometry_of(shape), shape.before};
}

inline std::function<void()> setup(const Shape& shape) {
  return [shape] {
    Machine::get().describe(geometry_of(shape), shape.line, shape.strings);
    Recovery<Policy>{Machine::get().word(0), geometry_of(shape)}.create();
    RingPublisher<Policy> ring{Machine::get().word(0), geometry_of(shape), 0};
    for (std::uint64_t i = 0; i < shape.before; ++i) publish(ring, shape);
  };
}

/// The ring of a publisher that takes the channel over after another boot, and discards what is there, while
/// subscribers are attached all the same.
inline RingPublisher<Policy> take_over_after_reboot(const Shape& shape) {
  Machine& machine = Machine::get();
  machine.enter(Phase::recover);
  const std::uint64_t head = Recovery<Policy>{machine.word(0), geometry_of(shape)}.take_over_after_reboot();
  return {machine.word(0), geometry_of(shape), head};
}

/// The ring of a publisher that takes the channel over.
inline RingPublisher<Policy> take_over(const Shape& shape) {
  Machine& machine = Machine::get();
  machine.enter(Phase::recover);
  const auto head = Recovery<Policy>{machine.word(0), geometry_of(shape)}.take_over();
  if (!head) machine.fail("a successor reports a damaged region");
  return {machine.word(0), geometry_of(shape), *head};
}

/// Head, as the library loads it to find where a subscriber can begin.
inline std::uint64_t load_head() {
  return Machine::get()
      .word(seqcast::detail::head_offset / seqcast::detail::word_size)
      ->load(std::memory_order_acquire);
}

/// A subscriber that checks all it gets. `Ring` is the library's, or a variant that must be refuted.
template <class Ring = RingSubscriber<Policy>>
class CheckedSubscriber {
 public:
  CheckedSubscriber(const Shape& shape, std::uint64_t cursor, std::uint64_t oldest = 1,
                    ResumePosition resume = ResumePosition::half)
      : shape_{shape},
        resume_behind_{test::resume_behind(resume, shape.capacity)},
        ring_{Machine::get().word(0), geometry_of(shape), cursor, oldest, resume_behind_},
        newest_{cursor},
        delivered_{cursor} {}

  /// The sequence that was delivered, or 0.
  std::uint64_t next() {
    Machine::get().enter(Phase::next);
    const ReadResult result = ring_.next(destination());
    // Two attempts, both overrun: at the message after the cursor, and at the one where next() resumes.
    const std::uint64_t first = ring_.cursor() + 1;
    const std::uint64_t second = first + shape_.capacity - 1 - resume_behind_;
    check_overruns(result, second + shape_.capacity - 1);
    if (!delivered(result)) return 0;
    check_words(result);
    return check_order(result);
  }
  /// next() for up to two messages. The last sequence that was delivered, or 0.
  std::uint64_t next_batch() {
    Machine::get().enter(Phase::batch);
    std::array<Payload, 2> payloads{};
    ReadResult first;
    const std::size_t count = ring_.next_batch(
        payloads.size(), [&](std::size_t i) { return destination(payloads[i]); }, first);
    if (!delivered(first)) return 0;
    if (count == 0 || count > payloads.size()) fail("a batch of an impossible size");
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t sequence = first.sequence + i;
      payload_ = payloads[i];
      check_payload(sequence, size_of(shape_, sequence, payload_[0] / 4096));
    }
    check_order(first);
    if (ring_.cursor() != first.sequence + count - 1) fail("a batch leaves the cursor elsewhere");
    return newest_ = delivered_ = ring_.cursor();
  }
  std::uint64_t latest() {
    Machine::get().enter(Phase::latest);
    const ReadResult result = ring_.latest(destination());
    // Four attempts, all overrun: for each capacity - 1 further messages are needed.
    check_overruns(result, ring_.cursor() + 4 * (shape_.capacity - 1));
    if (!delivered(result)) return 0;
    check_words(result);
    if (result.sequence < newest_) fail("latest() goes back, to", result.sequence);
    return remember(result);
  }
  /// next() in place. 0 also for a view that is not valid: then the message counts as unread.
  std::uint64_t view() {
    Machine::get().enter(Phase::next);
    const ReadResult result = ring_.view(in_place());
    const std::uint64_t cursor = ring_.cursor();
    if (!delivered(result) || !read_in_place(result)) return 0;
    check_words(result);
    if (cursor + 1 > result.sequence) fail("a view counts as read before it is valid");
    return check_order(result);
  }
  /// latest() in place.
  std::uint64_t latest_view() {
    Machine::get().enter(Phase::latest);
    const ReadResult result = ring_.latest_view(in_place());
    if (!delivered(result) || !read_in_place(result)) return 0;
    check_words(result);
    if (result.sequence < newest_) fail("latest_view() goes back, to", result.sequence);
    return remember(result);
  }
  bool ready_after_gaps() {
    Machine::get().enter(Phase::next);
    return ring_.ready_after_gaps();
  }
  void call(char name) {
    if (name == 'n') next();
    if (name == 'b') next_batch();
    if (name == 'l') latest();
    if (name == 'v') view();
    if (name == 'w') latest_view();
    if (name == 'a') ready_after_gaps();
  }
  Ring& ring() {
    return ring_;
  }
  /// Registers as a reliable subscriber: nothing after the present head is lost, until a call reports a demotion.
  void register_reliable(const seqcast::detail::ReliableSubscriber<Policy>& reliable, bool from_newest) {
    Machine::get().enter(Phase::begin);
    ring_.register_reliable(reliable, from_newest);
    newest_ = delivered_ = ring_.cursor();
    kept_after_ = load_head();
    demoted_ = false;
  }
  /// From now on it may lose messages.
  void unregister() {
    ring_.unregister();
    demoted_ = true;
  }

 private:
  BufferDestination destination() {
    return destination(payload_);
  }
  static BufferDestination destination(Payload& payload) {
    return {static_cast<std::byte*>(static_cast<void*>(&payload)), sizeof(payload)};
  }
  static BufferDestination in_place() {
    return {nullptr, sizeof(payload_)};
  }
  [[noreturn]] static void fail(const char* text, std::uint64_t number = 0) {
    Machine::get().fail(text, number);
  }
  /// `needed`: how many messages there must be before the call may end with an overrun.
  void check_overruns(const ReadResult& result, std::uint64_t needed) const {
    if (result.status == ReadStatus::overrun && shape_.total > 0 && shape_.total < needed) {
      fail("a call reports an overrun without enough messages for one");
    }
  }
  bool delivered(const ReadResult& result) {
    if (result.status == ReadStatus::corrupt) fail("an honest region is reported as corrupt");
    if (result.status == ReadStatus::demoted && demoted_) fail("a demotion is reported twice");
    demoted_ = demoted_ || result.status == ReadStatus::demoted;
    if (result.status == ReadStatus::wrong_size || result.status == ReadStatus::buffer_too_small)
      fail("a torn size");
    return result.status == ReadStatus::message;
  }
  /// Reads what a view shows, as a program does. False if it is not valid afterwards.
  bool read_in_place(const ReadResult& result) {
    const Machine::Word* const words = ring_.payload_of(result.sequence);
    for (std::size_t i = 0; i < result.size / seqcast::detail::word_size; ++i) {
      payload_[i] = words[i].load(std::memory_order_relaxed); // a plain load, in a program
    }
    if (ring_.validate(result)) return true;
    if (shape_.total > 0 && shape_.total < result.sequence + shape_.capacity - 1) {
      fail("a view is overrun without enough messages for that");
    }
    return false;
  }
  void check_words(const ReadResult& result) const {
    const std::uint64_t epoch = payload_[0] / 4096;
    if (result.size != size_of(shape_, result.sequence, epoch)) fail("a torn size");
    if (result.time_ns != (shape_.timed ? time_of(result.sequence, epoch) : 0)) fail("another message's time");
    check_payload(result.sequence, result.size);
  }
  void check_payload(std::uint64_t sequence, std::uint32_t size) const {
    const std::uint64_t epoch = payload_[0] / 4096;
    for (std::size_t i = 0; i < size / seqcast::detail::word_size; ++i) {
      if (payload_[i] != payload_word(sequence, i, epoch)) fail("torn: message", sequence);
    }
  }
  std::uint64_t check_order(const ReadResult& result) {
    if (result.sequence <= newest_) fail("next() goes back, to", result.sequence);
    if (result.sequence != delivered_ + 1 + result.lost) fail("next() miscounts what was lost");
    for (std::uint64_t lost = delivered_ + 1; lost < result.sequence && !demoted_; ++lost) {
      if (lost > kept_after_ && !is_gap(shape_, lost))
        fail("a reliable subscriber loses a message, and was not demoted:", lost);
    }
    return remember(result);
  }
  std::uint64_t remember(const ReadResult& result) {
    return newest_ = delivered_ = result.sequence;
  }

  Shape shape_;
  std::uint64_t resume_behind_;
  Ring ring_;
  Payload payload_{};
  std::uint64_t newest_;
  std::uint64_t delivered_;
  std::uint64_t kept_after_ = ~std::uint64_t{0};
  bool demoted_ = false;
};

/// The oldest message that can be read, as the library finds it when a subscriber opens the channel.
inline std::uint64_t find_oldest(const Shape& shape) {
  const std::uint64_t newest = CheckedSubscriber<>{shape, load_head(), 1}.ring().newest();
  return newest + 2 > shape.capacity ? newest + 2 - shape.capacity : 1;
}

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
                  epoch = SubscriberHeader{Machine::get().word(0)}.epoch().first + 1;
                  PublisherHeader{Machine::get().word(0)}.store_epoch(epoch, ring.head() + 1);
                }
                for (int i = 0; i < messages; ++i) publish(ring, shape, epoch);
              },
          .after = {after},
          .ordered = ordered};
}

/// Publishes by all steps of the shape.
inline Thread stepping(const Shape& shape) {
  return {.name = "publisher", .body = [=] {
            auto ring = first_publisher(shape);
            for (const char* step = shape.steps; *step != 0; ++step) take_step(ring, shape, *step);
          }};
}

/// Reads by `calls`: n is next(), l latest(), v view(), w latest_view(), a ready_after_gaps().
template <class Ring = RingSubscriber<Policy>>
Thread reading(const std::string& name, const Shape& shape, const std::string& calls,
               ResumePosition resume = ResumePosition::half) {
  return {.name = name, .body = [=] {
            CheckedSubscriber<Ring> subscriber{shape, shape.before, 1, resume};
            for (const char call : calls) subscriber.call(call);
          }};
}

/// What a reader gets that begins after all other threads have ended: all messages that are still there.
struct LastRead {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t newest = 0;
};
inline LastRead& last_read() {
  static LastRead last;
  return last;
}

inline Thread reading_last(const Shape& shape, std::vector<std::size_t> after) {
  return {.name = "last reader",
          .body =
              [=] {
                const std::uint64_t oldest = find_oldest(shape);
                CheckedSubscriber<> subscriber{shape, oldest - 1, oldest};
                LastRead last{.first = oldest};
                while (subscriber.next() != 0) ++last.count;
                last.newest = subscriber.latest();
                last_read() = last;
              },
          .after = std::move(after)};
}

/// What is wrong with the slots and head at the end; empty if nothing is.
inline std::string check_slots(const Final& end, bool has_last_reader, bool discarded = false) {
  const Machine& machine = Machine::get();
  std::map<std::uint64_t, int> complete;
  std::uint64_t head = 0;
  for (std::size_t l = 0; l < machine.locations(); ++l) {
    const Field place = machine.field_of(machine.word_of(l));
    if (place != Field::version && place != Field::head) continue;
    std::uint64_t value = machine.initial(l);
    if (place == Field::version && value > 0 && value % 2 == 0) ++complete[value / 2];
    for (const EventId id : end.graph.stores[l]) {
      const std::uint64_t next = end.graph.at(id).value;
      if (next < value) return machine.name_of(l) + " decreases";
      value = next;
      if (place == Field::version && value % 2 == 0) ++complete[value / 2];
    }
    if (place == Field::head) head = value;
  }
  std::uint64_t newest = 0;
  for (const auto& [sequence, times] : complete) {
    if (times > 1) return "sequence " + std::to_string(sequence) + " is used twice";
    if (newest > 0 && sequence != newest + 1 && !discarded) return "a sequence is left out";
    newest = sequence;
  }
  if (discarded) return {};
  if (head > newest) return "head is ahead of the slots";
  if (head + 1 < newest) return "head is two behind the slots";
  const LastRead& last = last_read();
  if (has_last_reader && (last.newest != newest || last.first + last.count != newest + 1)) {
    return "a complete message is lost";
  }
  return {};
}

inline Program channel(const Shape& shape, std::vector<Thread> threads) {
  bool has_last_reader = false;
  for (const Thread& thread : threads) has_last_reader = has_last_reader || thread.name == "last reader";
  return {.setup = setup(shape), .threads = std::move(threads), .at_end = [=](const Final& end) {
            return check_slots(end, has_last_reader);
          }};
}

} // namespace model
