// SPDX-License-Identifier: BSL-1.0
//
// bell: modelled programs of the library's own doorbell, ring and recovery, with sleepers. What must hold: no
// execution ends with a sleeper that has not read the newest message and that no thread will wake.
//
// Every message is guarded, as the publisher's first 64 are: it loads the flag after its fence. A publisher
// that has found no sleeper for that long leaves the fence out, and then a wake-up may be lost; a mutant
// shows it.
#pragma once

#include "cases.hpp"

#include <seqcast/detail/doorbell.hpp>

namespace model {

using BellPublisher = seqcast::detail::DoorbellPublisher<Policy>;
using BellSubscriber = seqcast::detail::DoorbellSubscriber<Policy>;

/// With a flag; or a word alone, which is incremented for every message (Wakeup::every_message).
enum class BellKind : std::uint8_t { flag, every_message };

inline Machine::Word* flag_of(BellKind kind) {
  return kind == BellKind::flag ? Machine::get().word(Machine::flag_word) : nullptr;
}
inline Machine::Word* bell_word() {
  return Machine::get().word(Machine::bell_word);
}

/// Publishes, and wakes as AnyPublisher::publish_with() does.
template <class Bell>
void publish_and_ring(RingPublisher<Policy>& ring, Bell& bell, const Shape& shape) {
  publish(ring, shape);
  if (bell.ring_if_sleeper()) Futex::wake_all();
}

template <class Bell = BellPublisher>
Thread ringing(const Shape& shape, int messages, BellKind kind) {
  return {.name = "publisher", .body = [=] {
            auto ring = first_publisher(shape);
            Bell bell{flag_of(kind), bell_word()};
            for (int i = 0; i < messages; ++i) publish_and_ring(ring, bell, shape);
          }};
}

/// Takes over, rings whether or not there is a sleeper, as the library does, and publishes up to
/// message `shape.total`.
inline Thread ringing_after(const Shape& shape, BellKind kind, std::size_t after, bool rings_first) {
  return {.name = "successor",
          .body =
              [=] {
                auto ring = take_over(shape);
                BellPublisher bell{flag_of(kind), bell_word()};
                Machine::get().enter(Phase::publish);
                if (rings_first) {
                  bell.ring_bell();
                  Futex::wake_all();
                }
                while (ring.head() < shape.total) publish_and_ring(ring, bell, shape);
              },
          .after = {after}};
}

/// The cursor of each thread when it last went to sleep.
inline std::array<std::uint64_t, max_threads>& read_before_sleep() {
  static std::array<std::uint64_t, max_threads> cursors;
  return cursors;
}

/// When a thread polls the slot before a sleep: after prepare(), as in lib/src/waiting.cpp, or wrongly.
enum class LastPoll : std::uint8_t { after_flag, before_flag, none };

/// Polls for the next message, and sleeps when there is none, until message `shape.total` is there; without end
/// if that is not known. It does not read the messages: cases.hpp has programs for that.
inline Thread sleeping(std::size_t self, const Shape& shape, BellKind kind,
                       LastPoll last_poll = LastPoll::after_flag) {
  return {.name = "sleeper " + std::to_string(self), .body = [=] {
            constexpr int max_rounds = 12;
            const BellSubscriber bell{flag_of(kind), bell_word()};
            std::uint64_t cursor = shape.before;
            const auto ready = [&] {
              return RingSubscriber<Policy>{Machine::get().word(0), geometry_of(shape), cursor, 1, 0}.ready();
            };
            for (int round = 0; round < max_rounds; ++round) {
              if (ready()) {
                if (++cursor == shape.total) return;
                continue;
              }
              Machine::get().enter(Phase::sleep);
              if (last_poll == LastPoll::before_flag && ready()) continue;
              const std::uint32_t expected = bell.prepare();
              if (last_poll == LastPoll::after_flag && ready()) continue;
              read_before_sleep()[self] = cursor;
              Futex::wait(bell.word(), expected);
            }
            Machine::get().leave(Script::Ending::unrolled);
          }};
}

inline std::string check_sleepers(const Final& end) {
  std::uint64_t newest = 0;
  std::uint64_t wakes = 0;
  const Machine& machine = Machine::get();
  for (std::size_t l = 0; l < machine.locations(); ++l) {
    const Field place = machine.field_of(machine.word_of(l));
    for (const EventId id : end.graph.stores[l]) {
      const std::uint64_t value = end.graph.at(id).value;
      if (place == Field::version) newest = std::max(newest, value / 2);
      if (machine.word_of(l) == Machine::futex_word) wakes = std::max(wakes, value);
    }
  }
  for (std::size_t t = 0; t < end.scripts.size(); ++t) {
    if (end.scripts[t].ending != Script::Ending::blocked) continue;
    const Graph::Thread& events = end.graph.threads[t];
    const bool woken = events[events.size() - 1].value < wakes; // it goes on in another execution
    if (!woken && read_before_sleep()[t] < newest) return "a sleeper is never woken";
  }
  return {};
}

inline Program belled(const Shape& shape, std::vector<Thread> threads) {
  return {.setup = setup(shape), .threads = std::move(threads), .at_end = [](const Final& end) {
            const std::string wrong = check_slots(end, false);
            return wrong.empty() ? check_sleepers(end) : wrong;
          }};
}

} // namespace model
