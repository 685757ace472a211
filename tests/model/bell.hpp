// SPDX-License-Identifier: BSL-1.0
//
// bell: modelled programs out of the library's own doorbell, ring and recovery, with sleepers. What must hold:
// no execution ends with a sleeper that nobody will wake and that has not read the newest message.
//
// Every message is guarded, as the publisher's first 64 are: it looks at the flag behind its fence. A publisher
// that has not met a sleeper for so long leaves the fence out, and then a wake-up may be lost; a mutant shows
// it.
#pragma once

#include "cases.hpp"

#include <seqcast/detail/doorbell.hpp>

namespace model {

using BellPublisher = seqcast::detail::DoorbellPublisher<Atomics>;
using BellSubscriber = seqcast::detail::DoorbellSubscriber<Atomics>;

/// With a flag, or a word alone that is rung for every message (`wake_always`).
enum class BellKind : std::uint8_t { flag, always };

inline Machine::Word* flag_of(BellKind kind) {
  return kind == BellKind::flag ? Machine::get().word(Machine::flag_word) : nullptr;
}
inline Machine::Word* bell_word() {
  return Machine::get().word(Machine::bell_word);
}

/// Publishes, and wakes as PublisherBase::publish_with() does.
template <class Bell>
void publish_and_ring(RingPublisher<Atomics>& ring, Bell& bell, const Shape& shape) {
  publish(ring, shape);
  if (bell.published()) Futex::wake_all();
}

template <class Bell = BellPublisher>
Thread ringing(const Shape& shape, int messages, BellKind kind) {
  return {.name = "publisher", .body = [=] {
            auto ring = first_publisher(shape);
            Bell bell{flag_of(kind), bell_word()};
            for (int i = 0; i < messages; ++i) publish_and_ring(ring, bell, shape);
          }};
}

/// Takes over, rings whether somebody sleeps or not, as PublisherRegion does, and publishes what is missing to
/// `shape.total` messages.
inline Thread ringing_after(const Shape& shape, BellKind kind, std::size_t after, bool rings_first) {
  return {.name = "successor",
          .body =
              [=] {
                auto ring = take_over(shape);
                BellPublisher bell{flag_of(kind), bell_word()};
                Machine::get().enter(Phase::publish);
                if (rings_first) {
                  bell.ring();
                  Futex::wake_all();
                }
                while (ring.head() < shape.total) publish_and_ring(ring, bell, shape);
              },
          .after = {after}};
}

/// How far each thread had read when it last went to sleep.
inline std::array<std::uint64_t, most_threads>& read_before_sleep() {
  static std::array<std::uint64_t, most_threads> cursors;
  return cursors;
}

/// The order of steps before a sleep: the last look comes after prepare(), as in lib/src/waiting.cpp.
enum class Looking : std::uint8_t { after_flag, before_flag, never };

/// Looks for the next message, and sleeps when there is none, until the last one is there; for ever, if it is
/// not known how many there will be. The messages themselves are not read: cases.hpp has that.
inline Thread sleeping(std::size_t self, const Shape& shape, BellKind kind,
                       Looking looking = Looking::after_flag) {
  return {.name = "sleeper " + std::to_string(self), .body = [=] {
            constexpr int most_rounds = 12;
            const BellSubscriber bell{flag_of(kind), bell_word()};
            std::uint64_t cursor = shape.before;
            const auto ready = [&] {
              return RingSubscriber<Atomics>{Machine::get().word(0), geometry_of(shape), cursor, 1,
                                             ResumeAt::half}
                  .ready();
            };
            for (int round = 0; round < most_rounds; ++round) {
              if (ready()) {
                if (++cursor == shape.total) return;
                continue;
              }
              Machine::get().enter(Phase::sleep);
              if (looking == Looking::before_flag && ready()) continue;
              const std::uint32_t expected = bell.prepare();
              if (looking == Looking::after_flag && ready()) continue;
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
    const Place place = machine.place_of(machine.word_of(l));
    for (const EventId id : end.graph.stores[l]) {
      const std::uint64_t value = end.graph.at(id).value;
      if (place == Place::version) newest = std::max(newest, value / 2);
      if (place == Place::futex) wakes = std::max(wakes, value);
    }
  }
  for (std::size_t t = 0; t < end.scripts.size(); ++t) {
    if (end.scripts[t].ending != Script::Ending::blocked) continue;
    const Graph::Thread& events = end.graph.threads[t];
    const bool woken = events[events.size() - 1].value < wakes; // the same program goes on in another execution
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
