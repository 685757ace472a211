// SPDX-License-Identifier: BSL-1.0
//
// reliable: modelled programs of the library's own reliable subscribers and of the publisher that waits for them.
// What must hold, beside what channel.hpp checks:
//   - a subscriber loses nothing that was published after it registered, unless a call has reported a demotion
//     before;
//   - no execution ends with a publisher that sleeps although the cursors let it publish, nor with a subscriber that
//     sleeps although there is a message.
// The system's part is modelled: the lock of an entry, which the system frees some time after its process has died,
// and a sleep of the publisher, which then ends. Time is not: a publisher waits for ever, or not at all.
#pragma once

#include "bell.hpp"

#include <seqcast/detail/reliable.hpp>

namespace model {

using ReliablePublisher = seqcast::detail::ReliablePublisher<Policy>;
using ReliableSubscriber = seqcast::detail::ReliableSubscriber<Policy>;

inline Machine::Word* entries_bell() {
  return Machine::get().word(Machine::entries_bell_word);
}
inline Machine::Word* owner_of(std::size_t entry) {
  return Machine::get().word(Machine::first_owner_word + entry);
}
inline void wake_publisher(const Machine::Word*) {
  Futex::wake_all(Machine::space_futex_word);
}

/// The system, as a waiting publisher sees it.
struct ModelKernel {
  bool waits; // otherwise the time is over at once

  static bool spins() {
    return false;
  }
  bool expired() const {
    return !waits;
  }
  static bool is_owned(std::size_t entry) {
    // The kernel's lock orders all that is done to it.
    Machine::Word* const owner = owner_of(entry);
    const std::uint64_t owned = Machine::get().load(owner, std::memory_order_relaxed, true, true);
    Machine::get().store(owner, owned, std::memory_order_relaxed, true, true);
    return owned != 0;
  }
  static void sleep(const Machine::Word* word, std::uint32_t expected) {
    Futex::wait(word, expected, Machine::space_futex_word);
  }
};

/// Publishes as a Publisher with max_blocking_time does.
class WaitingPublisher {
 public:
  WaitingPublisher(const RingPublisher<Policy>& ring, const Shape& shape, bool waits)
      : ring_{ring},
        shape_{shape},
        kernel_{waits},
        reliable_{Machine::get().word(0), entries_bell(), shape.capacity} {
    reliable_.announce(1);
  }

  void publish(std::uint64_t epoch = 0) {
    if (ring_.head() >= limit_) {
      Machine::get().enter(Phase::poll);
      limit_ = reliable_.wait_for_room(ring_.head(), ring_.head() + 1, kernel_);
    }
    model::publish(ring_, shape_, epoch);
  }

  /// A message, a gap or a jump, as AnyPublisher::publish() and skip() do.
  void step(char step) {
    if (step == 'm') return publish();
    Machine::get().enter(Phase::poll);
    const std::uint64_t head = ring_.head();
    const bool jumps = step != 'g';
    if (jumps || head >= limit_)
      limit_ = reliable_.wait_for_room(head, head + (jumps ? shape_.capacity - 1 : 1), kernel_);
    model::take_step(ring_, shape_, step);
    if (jumps) limit_ = 0;
  }

 private:
  RingPublisher<Policy> ring_;
  Shape shape_;
  ModelKernel kernel_;
  ReliablePublisher reliable_;
  std::uint64_t limit_ = 0;
};

/// Sets the initial values of a channel with a reliable publisher, and of the locks of two entries.
inline std::function<void()> reliable_setup(const Shape& shape) {
  return [region = setup(shape)] {
    region();
    read_before_sleep().fill(seqcast::detail::never); // of those that do not sleep for a message
    Machine::get().word(seqcast::detail::polled_number_word)->store(1, std::memory_order_relaxed);
    for (std::size_t entry = 0; entry < 2; ++entry) owner_of(entry)->store(1, std::memory_order_relaxed);
  };
}

inline Thread waiting_publisher(const Shape& shape, int messages, bool waits, bool rings = false) {
  return {.name = "publisher", .body = [=] {
            WaitingPublisher publisher{first_publisher(shape), shape, waits};
            BellPublisher bell{flag_of(BellKind::flag), bell_word()};
            for (int i = 0; i < messages; ++i) {
              publisher.publish();
              if (rings && bell.ring_if_sleeper()) Futex::wake_all();
            }
          }};
}

/// Takes over from a publisher that died.
inline Thread waiting_successor(const Shape& shape, int messages, std::size_t after, bool ordered) {
  return {.name = "successor",
          .body =
              [=] {
                WaitingPublisher publisher{take_over(shape), shape, true};
                for (int i = 0; i < messages; ++i) publisher.publish();
              },
          .after = {after},
          .ordered = ordered};
}

/// Takes over, and waits for nobody.
inline Thread careless_successor(const Shape& shape, int messages, std::size_t after, bool ordered) {
  return {.name = "successor",
          .body =
              [=] {
                auto ring = take_over(shape);
                Machine::get().enter(Phase::begin);
                ReliablePublisher{Machine::get().word(0), entries_bell(), shape.capacity}.announce(0);
                for (int i = 0; i < messages; ++i) publish(ring, shape);
              },
          .after = {after},
          .ordered = ordered};
}

inline ReliableSubscriber in_entry(const Shape& shape, std::size_t entry) {
  return {Machine::get().word(0), entries_bell(), entry, shape.capacity, wake_publisher};
}

/// Registers, and reads by `calls` as reading() does; r reports, e ends the registration, g registers again.
inline Thread reading_reliably(const std::string& name, const Shape& shape, std::size_t entry,
                               const std::string& calls, bool from_newest,
                               std::optional<std::uint64_t> cursor = std::nullopt) {
  return {.name = name, .body = [=] {
            CheckedSubscriber<> subscriber{shape, cursor.value_or(shape.before)};
            subscriber.register_reliable(in_entry(shape, entry), from_newest);
            for (const char call : calls) {
              if (call == 'r') {
                Machine::get().enter(Phase::next);
                subscriber.ring().report();
              } else if (call == 'e') {
                Machine::get().enter(Phase::next);
                subscriber.unregister();
              } else if (call == 'g') {
                subscriber.register_reliable(in_entry(shape, entry), false);
              } else {
                subscriber.call(call);
              }
            }
          }};
}

/// Registers, reads up to message `shape.total`, and sleeps where there is none.
inline Thread sleeping_reliably(std::size_t self, const Shape& shape, std::size_t entry) {
  return {.name = "sleeper " + std::to_string(self), .body = [=] {
            constexpr int max_rounds = 12;
            const BellSubscriber bell{flag_of(BellKind::flag), bell_word()};
            CheckedSubscriber<> subscriber{shape, shape.before};
            subscriber.register_reliable(in_entry(shape, entry), false);
            for (int round = 0; round < max_rounds; ++round) {
              const std::uint64_t sequence = subscriber.next();
              if (sequence == shape.total) {
                subscriber.ring().report();
                return;
              }
              if (sequence != 0) continue;
              Machine::get().enter(Phase::sleep);
              subscriber.ring().report();
              const std::uint32_t expected = bell.prepare();
              if (subscriber.ring().ready_after_gaps()) continue;
              read_before_sleep()[self] = subscriber.ring().cursor();
              Futex::wait(bell.word(), expected);
            }
            Machine::get().leave(Script::Ending::unrolled);
          }};
}

/// The system after the process of thread `reader` has died: frees its lock, and a sleep of the publisher ends.
inline Thread system_after(std::size_t reader, std::size_t entry) {
  return {.name = "system",
          .body =
              [=] {
                Machine::get().load(owner_of(entry), std::memory_order_relaxed, true, true);
                Machine::get().store(owner_of(entry), 0, std::memory_order_relaxed, true, true);
                Futex::wake_all(Machine::space_futex_word);
              },
          .after = {reader},
          .ordered = false};
}

/// The last value of a word; `untouched` if no thread has loaded or stored it.
inline std::uint64_t last_value(const Final& end, std::size_t word, std::uint64_t untouched = 0) {
  const Machine& machine = Machine::get();
  for (std::size_t l = 0; l < machine.locations(); ++l) {
    if (machine.word_of(l) != word) continue;
    const auto& stores = end.graph.stores[l];
    return stores.size() == 0 ? machine.initial(l) : end.graph.at(stores[stores.size() - 1]).value;
  }
  return untouched;
}

/// Fails if a publisher sleeps although it could publish. Where a subscriber has died, in the middle of a
/// wake for example, the end of the publisher's slice of sleep helps.
inline std::string check_publishers(const Final& end, const Shape& shape, const std::vector<Thread>& threads) {
  namespace layout = seqcast::detail;
  const std::uint64_t head = last_value(end, layout::head_word);
  const std::uint64_t wakes = last_value(end, Machine::space_futex_word);
  for (std::size_t i = 0; i < 2; ++i) {
    if (last_value(end, Machine::first_owner_word + i, 1) == 0) return {};
  }
  std::uint64_t least = head;
  const std::uint64_t used =
      last_value(end, Machine::entries_bell_word + layout::bell_used_offset / layout::word_size);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t entry = Machine::entries_bell_word +
                              (layout::bell_entries_offset + i * layout::bell_entry_size) / layout::word_size;
    const std::uint64_t registration = last_value(end, entry + layout::registration_word);
    if ((used >> i & 1) == 0) continue;
    if (!layout::is_registered(registration, last_value(end, entry + layout::withdrawn_word), 1)) continue;
    least = std::min(least, last_value(end, entry + layout::cursor_word));
  }
  for (std::size_t t = 0; t < end.scripts.size(); ++t) {
    const bool publishes = threads[t].name == "publisher" || threads[t].name == "successor";
    if (end.scripts[t].ending != Script::Ending::blocked || !publishes) continue;
    const Graph::Thread& events = end.graph.threads[t];
    const bool woken = events[events.size() - 1].value < wakes; // it goes on in another execution
    if (!woken && least + shape.capacity - 1 > head) return "a publisher is never woken";
  }
  return {};
}

inline Program reliable(const Shape& shape, const std::vector<Thread>& threads) {
  return {.setup = reliable_setup(shape), .threads = threads, .at_end = [=](const Final& end) {
            std::string wrong = check_slots(end, false);
            if (wrong.empty()) wrong = check_sleepers(end);
            if (wrong.empty()) wrong = check_publishers(end, shape, threads);
            return wrong;
          }};
}

} // namespace model
