// SPDX-License-Identifier: BSL-1.0
//
// cases: the programs of the library's code that are explored, by name. Every bound is in the name: slots (c),
// messages (m), payload words (w), and a subscriber's calls: n for next(), b for next() of up to two messages, l
// for latest(), v for view() with validate(), w for latest_view() with validate().
#pragma once

#include "channel.hpp"

namespace model {

struct Case {
  std::string name;
  Program program;
  bool only_long = false; // with SEQCAST_MODEL_LONG=1
};

inline Thread crashing(Thread thread) {
  thread.may_crash = true;
  return thread;
}

/// Opens the channel while it is being published to, as Subscriber does, and reads.
inline Thread joining(const Shape& shape, const std::string& calls) {
  return {.name = "late subscriber", .body = [=] {
            const std::uint64_t oldest = find_oldest(shape);
            CheckedSubscriber<> subscriber{shape, oldest - 1, oldest};
            for (const char call : calls) subscriber.call(call);
          }};
}

/// A publisher that closes, or one that the next publisher supersedes.
inline Program ending(const Shape& shape, seqcast::detail::StateWord state, bool by_another) {
  using seqcast::detail::StateWord;
  const auto end = [=] { PublisherHeader{Machine::get().word(0)}.store_state(state); };
  Thread publisher = publishing(shape, static_cast<int>(shape.total));
  std::vector<Thread> threads;
  if (by_another) {
    threads = {publisher, {.name = "next publisher", .body = end, .after = {0}}};
  } else {
    threads = {{.name = "publisher", .body = [=] {
                  publisher.body();
                  end();
                }}};
  }
  threads.push_back({.name = "subscriber", .body = [=] {
                       CheckedSubscriber<> subscriber{shape, shape.before};
                       if (SubscriberHeader{Machine::get().word(0)}.state() != state) return;
                       std::uint64_t read = shape.before;
                       while (const std::uint64_t sequence = subscriber.next()) read = sequence;
                       if (read != shape.total)
                         Machine::get().fail("a subscriber sees the end before the last message");
                     }});
  return channel(shape, std::move(threads));
}

/// Publishers one after the other, and a subscriber that loads the epoch. `crashing`: any publisher may crash.
inline Program epochs(bool crashing, bool ordered) {
  const Shape shape{};
  const auto body = [] {
    const std::uint64_t epoch = SubscriberHeader{Machine::get().word(0)}.epoch().first + 1;
    PublisherHeader{Machine::get().word(0)}.store_epoch(epoch, 10 * epoch);
  };
  Program program{.setup = setup(shape)};
  for (std::size_t i = 0; i < 3; ++i) {
    Thread thread{
        .name = "publisher " + std::to_string(i + 1), .body = body, .ordered = ordered, .may_crash = crashing};
    if (i > 0) thread.after = {i - 1};
    program.threads.push_back(thread);
  }
  program.threads.push_back({.name = "subscriber", .body = [] {
                               std::uint64_t seen = 0;
                               for (int i = 0; i < 2; ++i) {
                                 const auto [epoch, first] = SubscriberHeader{Machine::get().word(0)}.epoch();
                                 if (first != 10 * epoch)
                                   Machine::get().fail("an epoch with the first sequence of another one");
                                 if (epoch < seen) Machine::get().fail("the epoch goes back");
                                 seen = epoch;
                               }
                             }});
  return program;
}

/// Two publishers of a mirror one after the other, and a subscriber that loads the origin's epoch. `crashing`: any
/// publisher may crash.
inline Program origin_epochs(bool crashing, bool ordered) {
  const Shape shape{};
  Program program{.setup = setup(shape)};
  for (const std::uint64_t epoch : {2, 4}) {
    Thread thread{
        .name = "publisher of epoch " + std::to_string(epoch),
        .body = [epoch] { PublisherHeader{Machine::get().word(0)}.store_origin_epoch(epoch, 10 * epoch); },
        .ordered = ordered,
        .may_crash = crashing};
    if (epoch > 2) thread.after = {0};
    program.threads.push_back(thread);
  }
  program.threads.push_back({.name = "subscriber", .body = [] {
                               const auto [epoch, first] =
                                   SubscriberHeader{Machine::get().word(0)}.origin_epoch();
                               if (first != 10 * epoch)
                                 Machine::get().fail("an epoch with the first sequence of another one");
                             }});
  return program;
}

/// A publisher that is handed over to another thread, with proper synchronisation.
inline Program handed_over(const Shape& shape, const std::string& calls) {
  Thread second{.name = "second thread",
                .body =
                    [=] {
                      RingPublisher<Policy> ring{Machine::get().word(0), geometry_of(shape), shape.total - 1};
                      publish(ring, shape);
                    },
                .after = {0}};
  return channel(shape, {publishing(shape, static_cast<int>(shape.total) - 1), second,
                         reading("subscriber", shape, calls)});
}

/// A publisher that may crash anywhere, successors one after the other, and subscribers beside them.
inline Program succession(const Shape& shape, int first, int successors, const std::string& calls,
                          bool ordered) {
  std::vector<Thread> threads{crashing(publishing(shape, first))};
  for (std::size_t i = 1; i <= static_cast<std::size_t>(successors); ++i) {
    threads.push_back(succeeding("successor " + std::to_string(i), shape, 1, i - 1, ordered));
    threads.back().may_crash = i < static_cast<std::size_t>(successors);
  }
  const std::size_t last = threads.size() - 1;
  if (!calls.empty()) threads.push_back(reading("subscriber", shape, calls));
  threads.push_back(reading_last(shape, {last}));
  return channel(shape, std::move(threads));
}

/// A publisher that may crash anywhere, and a successor that discards what it left beside a subscriber, and
/// publishes `messages`.
inline Program discarding(const Shape& shape, int first, int messages, const std::string& calls, bool ordered) {
  Thread successor{.name = "successor",
                   .body =
                       [=] {
                         auto ring = take_over_after_reboot(shape);
                         const std::uint64_t epoch = SubscriberHeader{Machine::get().word(0)}.epoch().first + 1;
                         PublisherHeader{Machine::get().word(0)}.store_epoch(epoch, ring.head() + 1);
                         for (int i = 0; i < messages; ++i) publish(ring, shape, epoch);
                       },
                   .after = {0},
                   .ordered = ordered};
  Thread attached{
      .name = "attached subscriber",
      .body =
          [=] {
            CheckedSubscriber<> subscriber{shape, shape.before};
            std::uint64_t read = 0;
            while (const std::uint64_t sequence = subscriber.next()) read = sequence;
            if (messages > 0 && read != load_head())
              Machine::get().fail("an attached subscriber gets nothing after messages were discarded");
          },
      .after = {1}};
  return {
      .setup = setup(shape),
      .threads = {crashing(publishing(shape, first)), successor, attached, reading("subscriber", shape, calls)},
      .at_end = [](const Final& end) { return check_slots(end, false, true); }};
}

inline std::string flavour_of(const Shape& shape) {
  return std::string{shape.varied ? " varied" : ""} + (shape.resized ? " resized" : "") +
         (shape.timed ? " timed" : "") + (shape.behind ? " behind" : "") + (shape.in_place ? " in place" : "") +
         (shape.line < 64 ? " lines of " + std::to_string(shape.line) : "") + (shape.strings ? " strings" : "");
}
inline std::string bounds_of(const Shape& shape) {
  return "c" + std::to_string(shape.capacity) + " m" + std::to_string(shape.total) + " w" +
         std::to_string(shape.words) + flavour_of(shape);
}

inline std::vector<Case> channel_cases() {
  std::vector<Case> cases;
  const auto messages = [](const Shape& shape) { return static_cast<int>(shape.total - shape.before); };
  const auto one = [&](const Shape& shape, const std::string& calls, bool only_long = false,
                       ResumePosition resume = ResumePosition::half) {
    const std::string how = resume == ResumePosition::newest   ? " resume newest"
                            : resume == ResumePosition::oldest ? " resume oldest"
                                                               : "";
    cases.push_back(
        {"one subscriber " + calls + " " + bounds_of(shape) + how,
         channel(shape, {publishing(shape, messages(shape)), reading("subscriber", shape, calls, resume)}),
         only_long});
  };
  for (const std::size_t words : {2U, 3U, 4U}) {
    for (const std::uint64_t total : {2U, 3U, 4U, 5U, 6U}) {
      for (const char* calls : {"nn", "ll", "nl", "ln", "nnn", "nln"}) {
        const std::string by{calls};
        const bool brief = by == "nn" || (words == 2 && (by == "ln" || by == "nnn"));
        const std::uint64_t size = total + words; // two slots: the larger, the more there is to be overrun by
        const bool usual =
            total < 4 || size < 7 || (size == 7 && brief) || (words == 2 && total == 6 && by == "nn");
        const bool feasible = size < 8 || (size == 8 && by != "nln" && !(total == 6 && by == "ll"));
        if (usual || feasible) one({.capacity = 2, .words = words, .total = total}, calls, !usual);
        one({.capacity = 4, .words = words, .total = total}, calls, total > 5 && words > 3);
      }
    }
  }
  one({.capacity = 4, .words = 2, .before = 2, .total = 7}, "nnn");
  one({.capacity = 4, .words = 2, .before = 3, .total = 8}, "nl");
  one({.capacity = 4, .words = 2, .total = 8}, "nn", true);
  for (const ResumePosition resume : {ResumePosition::newest, ResumePosition::oldest}) {
    one({.capacity = 2, .words = 2, .total = 4}, "nn", false, resume);
    one({.capacity = 4, .words = 2, .total = 6}, "nn", false, resume);
  }
  one({.capacity = 2, .words = 3, .varied = true, .total = 3}, "nn");
  one({.capacity = 2, .words = 3, .varied = true, .total = 3}, "ll");
  one({.capacity = 4, .words = 3, .varied = true, .total = 6}, "nl");

  // Several messages in one call.
  for (const std::uint64_t total : {2U, 3U, 4U}) {
    one({.capacity = 2, .words = 2, .total = total}, "b");
    one({.capacity = 4, .words = 2, .total = total}, "bb");
  }
  one({.capacity = 2, .words = 2, .total = 3}, "bn");
  one({.capacity = 2, .words = 2, .total = 3}, "nb");
  one({.capacity = 4, .words = 2, .before = 2, .total = 7}, "b");

  // A slot of several lines, which the publisher prefetches for writing.
  one({.capacity = 2, .words = 2, .line = 2, .total = 2}, "nn");
  one({.capacity = 2, .words = 2, .line = 2, .total = 3}, "nn");
  one({.capacity = 2, .words = 2, .line = 2, .total = 3}, "ll");
  one({.capacity = 4, .words = 3, .line = 2, .total = 3}, "nl");
  one({.capacity = 2, .words = 2, .varied = true, .line = 1, .total = 3}, "nn");

  one({.capacity = 2, .words = 3, .line = 2, .strings = true, .total = 2}, "nn");
  one({.capacity = 2, .words = 2, .line = 2, .strings = true, .total = 3}, "nn");
  one({.capacity = 2, .words = 2, .line = 2, .strings = true, .total = 3}, "ll");
  one({.capacity = 4, .words = 3, .line = 2, .strings = true, .total = 3}, "nl");
  one({.capacity = 2, .words = 2, .line = 4, .strings = true, .behind = true, .total = 2}, "nn");

  // Messages with a publish time.
  one({.capacity = 2, .words = 2, .timed = true, .total = 3}, "nn");
  one({.capacity = 2, .words = 2, .timed = true, .total = 3}, "ll");

  // Messages in place: written there, read there, and both.
  for (const std::uint64_t total : {2U, 3U}) {
    one({.capacity = 2, .words = 2, .in_place = true, .total = total}, "nn");
    one({.capacity = 2, .words = 2, .in_place = true, .total = total}, "ll");
    one({.capacity = 2, .words = 2, .total = total}, "vv");
    one({.capacity = 2, .words = 2, .total = total}, "ww");
    one({.capacity = 2, .words = 2, .total = total}, "vn");
    for (const char* calls : {"vv", "ww", "vw"}) {
      one({.capacity = 2, .words = 2, .in_place = true, .total = total}, calls);
    }
  }
  one({.capacity = 4, .words = 3, .varied = true, .in_place = true, .total = 5}, "vw");
  one({.capacity = 2, .words = 2, .line = 2, .strings = true, .in_place = true, .total = 3}, "vv");
  one({.capacity = 2, .words = 2, .timed = true, .in_place = true, .total = 3}, "vv");

  // Messages that are copied while they are written.
  for (const std::size_t words : {2U, 3U}) {
    for (const std::uint64_t total : {1U, 2U, 3U}) {
      for (const char* calls : {"nn", "nl"}) {
        one({.capacity = 2, .words = words, .behind = true, .total = total}, calls, words == 3 && total == 3);
      }
    }
  }
  one({.capacity = 4, .words = 2, .varied = true, .behind = true, .total = 3}, "nn");
  one({.capacity = 2, .words = 2, .behind = true, .timed = true, .total = 2}, "nn");
  one({.capacity = 2, .words = 2, .behind = true, .timed = true, .total = 3}, "nn");
  one({.capacity = 2, .words = 3, .behind = true, .timed = true, .total = 2}, "nl");
  for (const bool ordered : {true, false}) {
    const std::string how = ordered ? "ordered hand-over" : "hand-over that orders nothing";
    const auto crash = [&](int first, const Shape& shape, const std::string& calls, bool only_long = false) {
      cases.push_back({"crash in " + std::to_string(first) + " messages, 1 successors, " + how + "," +
                           flavour_of(shape) + " " + calls + " c" + std::to_string(shape.capacity) + " w" +
                           std::to_string(shape.words),
                       succession(shape, first, 1, calls, ordered), only_long});
    };
    crash(1, {.capacity = 2, .words = 2, .behind = true}, "nn");
    crash(1, {.capacity = 2, .words = 3, .behind = true}, "nn", true);
    crash(1, {.capacity = 2, .words = 3, .behind = true, .resized = true}, "n");
    crash(1, {.capacity = 2, .words = 2, .behind = true, .timed = true}, "n");
    crash(1, {.capacity = 2, .words = 3, .behind = true, .timed = true, .resized = true}, "n", true);
    const auto discard = [&](const Shape& shape, int more, const std::string& calls) {
      cases.push_back({"crash in 1 messages, discarded, " + std::to_string(more) + " more, " + how + "," +
                           flavour_of(shape) + " " + calls + " c" + std::to_string(shape.capacity) + " w" +
                           std::to_string(shape.words),
                       discarding(shape, 1, more, calls, ordered)});
    };
    for (const char* calls : {"nn", "ll", "nl", "ln", "vw"}) {
      for (const std::uint64_t capacity : {2U, 4U}) {
        const Shape shape{.capacity = capacity, .words = 1};
        discard(shape, 0, calls);
        discard(shape, 1, calls);
        if (capacity == 2) discard(shape, 2, calls);
      }
    }
    discard({.capacity = 2, .words = 2, .behind = true}, 1, "nn");
    // In place.
    crash(2, {.capacity = 2, .words = 2, .in_place = true}, "vv");
    crash(2, {.capacity = 4, .words = 2, .in_place = true}, "vw");
    crash(1, {.capacity = 2, .words = 2, .line = 2, .strings = true, .in_place = true}, "nn");
  }

  const Shape small{.capacity = 2, .words = 2, .total = 2};
  const Shape three{.capacity = 2, .words = 2, .total = 3};
  cases.push_back(
      {"two subscribers nn, nn " + bounds_of(small),
       channel(small, {publishing(small, 2), reading("first", small, "nn"), reading("second", small, "nn")})});
  cases.push_back(
      {"two subscribers nn, ll " + bounds_of(three),
       channel(three, {publishing(three, 3), reading("first", three, "nn"), reading("second", three, "ll")})});
  for (const std::uint64_t total : {3U, 4U}) {
    const Shape joined{.capacity = 2, .words = 2, .before = 1, .total = total};
    cases.push_back({"late subscriber nl " + bounds_of(joined),
                     channel(joined, {publishing(joined, messages(joined)), joining(joined, "nl")})});
  }
  cases.push_back({"handed over to another thread nn " + bounds_of(three), handed_over(three, "nn")});
  cases.push_back({"handed over to another thread ll " + bounds_of(three), handed_over(three, "ll")});

  for (const bool ordered : {true, false}) {
    const std::string how = ordered ? "ordered hand-over" : "hand-over that orders nothing";
    const auto crash = [&](const Shape& shape, int first, int successors, const std::string& calls,
                           bool only_long) {
      cases.push_back({"crash in " + std::to_string(first) + " messages, " + std::to_string(successors) +
                           " successors, " + how + ", " + (calls.empty() ? "no subscriber" : calls) + " c" +
                           std::to_string(shape.capacity) + " w" + std::to_string(shape.words),
                       succession(shape, first, successors, calls, ordered), only_long});
    };
    for (const std::uint64_t capacity : {2U, 4U}) {
      for (const std::size_t words : {2U, 3U, 4U}) {
        const Shape shape{.capacity = capacity, .words = words};
        crash(shape, 1, 1, "nn", false);
        crash(shape, 1, 1, "ll", false);
        crash(shape, 2, 1, "nn", false);
        crash(shape, 2, 1, "ll", words > 2);
        crash(shape, 2, 1, "nl", words > 2);
        crash(shape, 3, 1, "nn", words > 2);
        crash(shape, 2, 2, "", words > 3);
        crash(shape, 1, 2, "nn", words > 2);
        crash(shape, 1, 2, "ll", words > 2);
        if (words < 4) crash(shape, 2, 2, "nl", true);
      }
    }
    for (const bool crashing : {false, true}) {
      cases.push_back(
          {"three epochs, " + how + (crashing ? ", any may crash" : ""), epochs(crashing, ordered)});
      cases.push_back({"two origin's epochs, " + how + (crashing ? ", any may crash" : ""),
                       origin_epochs(crashing, ordered)});
    }
  }
  using seqcast::detail::StateWord;
  const Shape closing{.capacity = 4, .words = 2, .total = 2};
  cases.push_back({"closing " + bounds_of(closing), ending(closing, StateWord::closed, false)});
  cases.push_back(
      {"superseding, ordered hand-over " + bounds_of(closing), ending(closing, StateWord::superseded, true)});
  return cases;
}

} // namespace model
