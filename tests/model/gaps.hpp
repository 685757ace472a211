// SPDX-License-Identifier: BSL-1.0
//
// gaps: modelled programs of a publisher that skips sequences, one by one or by a jump, and of what dies in the
// middle of it. What must hold, beside what channel.hpp checks:
//   - a subscriber that was there all along ends at the last sequence: none waits for what was left out;
//   - ready_after_gaps() is true only if next() has something to report;
//   - latest() gives the newest message of those that are still there;
//   - a reliable subscriber that was not demoted loses gaps, and no messages.
#pragma once

#include "reliable.hpp"

namespace model {

/// Reads all that is there as one that waits does, once all other threads have ended. `complete`: all steps
/// were taken.
inline Thread reading_to_the_end(const Shape& shape, std::vector<std::size_t> after, const std::string& calls,
                                 bool complete) {
  return {.name = "attached subscriber",
          .body =
              [=] {
                CheckedSubscriber<> subscriber{shape, shape.before};
                for (const char call : calls) {
                  if (call == 'l' && subscriber.latest() != newest_message(shape) && complete)
                    Machine::get().fail("latest() gives another message than the newest");
                  if (call == 'w' && subscriber.latest_view() != newest_message(shape) && complete)
                    Machine::get().fail("latest_view() gives another message than the newest");
                }
                while (subscriber.ready_after_gaps()) {
                  if (subscriber.next() == 0) Machine::get().fail("a wait ends, and there is nothing");
                }
                if (subscriber.next() != 0) Machine::get().fail("a wait does not end, and there is a message");
                if (subscriber.ring().cursor() != subscriber.ring().newest())
                  Machine::get().fail("a subscriber waits for what was left out");
              },
          .after = std::move(after)};
}

inline bool has_jump(const Shape& shape) {
  return std::string{shape.steps}.find_first_of("jJ") != std::string::npos;
}

/// A subscriber beside the publisher, and one that reads afterwards by `calls` and to the end.
inline Program skipping(const Shape& shape, const std::string& calls, const std::string& afterwards = "") {
  return {.setup = setup(shape),
          .threads = {stepping(shape), reading("subscriber", shape, calls),
                      reading_to_the_end(shape, {0}, afterwards, true)},
          .at_end = [=](const Final& end) { return check_slots(end, false, has_jump(shape)); }};
}

/// A publisher that may die anywhere, `successors` of which all but the last may, and a subscriber beside them.
/// The last one publishes one message.
inline Program skipping_and_dying(const Shape& shape, int successors, const std::string& calls, bool ordered) {
  Thread publisher = stepping(shape);
  publisher.may_crash = true;
  std::vector<Thread> threads{publisher};
  for (std::size_t i = 1; i <= static_cast<std::size_t>(successors); ++i) {
    const bool last = i == static_cast<std::size_t>(successors);
    threads.push_back(succeeding("successor " + std::to_string(i), shape, last ? 1 : 0, i - 1, ordered));
    threads.back().may_crash = !last;
  }
  threads.push_back(reading_to_the_end(shape, {threads.size() - 1}, "", false));
  if (!calls.empty()) threads.push_back(reading("subscriber", shape, calls));
  return {.setup = setup(shape), .threads = threads, .at_end = [=](const Final& end) {
            return check_slots(end, false, has_jump(shape));
          }};
}

/// A publisher that waits for a reliable subscriber, or for nobody, before each of its steps.
inline Program skipping_reliably(const Shape& shape, const std::string& calls, bool waits) {
  const Thread stepper{.name = "publisher", .body = [=] {
                         WaitingPublisher publisher{first_publisher(shape), shape, waits};
                         for (const char* step = shape.steps; *step != 0; ++step) publisher.step(*step);
                       }};
  const std::vector<Thread> threads{stepper, reading_reliably("subscriber", shape, 0, calls, false)};
  return {.setup = reliable_setup(shape), .threads = threads, .at_end = [=](const Final& end) {
            const std::string wrong = check_slots(end, false, has_jump(shape));
            return wrong.empty() ? check_publishers(end, shape, threads) : wrong;
          }};
}

/// Both may sleep: the publisher until the subscriber has read, the subscriber until there is a message.
inline Program skipping_while_asleep(const Shape& shape) {
  const Thread stepper{.name = "publisher", .body = [=] {
                         WaitingPublisher publisher{first_publisher(shape), shape, true};
                         BellPublisher bell{flag_of(BellKind::flag), bell_word()};
                         for (const char* step = shape.steps; *step != 0; ++step) {
                           publisher.step(*step);
                           if (bell.ring_if_sleeper()) Futex::wake_all();
                         }
                       }};
  const std::vector<Thread> threads{stepper, sleeping_reliably(1, shape, 0)};
  return {.setup = reliable_setup(shape), .threads = threads, .at_end = [=](const Final& end) {
            std::string wrong = check_slots(end, false, has_jump(shape));
            if (wrong.empty()) wrong = check_sleepers(end);
            if (wrong.empty()) wrong = check_publishers(end, shape, threads);
            return wrong;
          }};
}

} // namespace model
