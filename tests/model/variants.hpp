// SPDX-License-Identifier: BSL-1.0
//
// variants: subscribers that look right and are not. The smallest code that shows the one difference;
// everything else is the library's. They exist to be refuted (model_mutants_test.cpp), as a policy cannot ask
// for them.
#pragma once

#include "channel.hpp"

namespace model {

/// latest() that believes head alone, and not its own cursor. Refuted: head may be one behind what next() gave.
class LatestByHead : public RingSubscriber<Atomics> {
 public:
  LatestByHead(const Machine::Word* words, const Geometry& geometry, std::uint64_t cursor, std::uint64_t oldest,
               ResumeAt resume)
      : RingSubscriber{words, geometry, cursor, oldest, resume}, words_{words} {}

  template <class Into>
  Taken latest(const Into& into) {
    const std::uint64_t head = Sights{words_}.head();
    if (head == 0) return {};
    // A subscriber that has read up to head - 1, so that its next message is head.
    RingSubscriber fresh{words_, geometry(), head - 1, 1, ResumeAt::half};
    return fresh.next(into);
  }

 private:
  const Machine::Word* words_;
};

/// next() that resumes half a ring behind head, and not behind what the version proves. Refuted: with two slots
/// that is the message that was just overrun.
class ResumeFromHead : public RingSubscriber<Atomics> {
 public:
  ResumeFromHead(const Machine::Word* words, const Geometry& geometry, std::uint64_t cursor,
                 std::uint64_t oldest, ResumeAt resume)
      : RingSubscriber{words, geometry, cursor, oldest, resume}, words_{words} {}

  template <class Into>
  Taken next(const Into& into) {
    RingSubscriber& self = *this;
    std::uint64_t sequence = cursor() + 1;
    for (int attempt = 0; attempt < 2; ++attempt) {
      RingSubscriber at{words_, geometry(), sequence - 1, 1, ResumeAt::newest};
      Taken taken = at.next(into);
      if (taken.outcome == Outcome::nothing) return taken;
      if (taken.outcome == Outcome::message && taken.lost == 0) {
        taken.lost = sequence - cursor() - 1;
        self = at;
        return taken;
      }
      sequence = Sights{words_}.head() - geometry().capacity / 2;
    }
    return {.outcome = Outcome::overrun};
  }

 private:
  const Machine::Word* words_;
};

} // namespace model
