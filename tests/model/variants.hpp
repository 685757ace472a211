// SPDX-License-Identifier: BSL-1.0
//
// variants: subscribers with one plausible mistake each; everything else is the library's.
// model_mutants_test.cpp refutes them. A policy cannot make these changes.
#pragma once

#include "channel.hpp"

namespace model {

/// latest() that uses head alone, without its own cursor. Refuted: head may be one behind what next() gave.
class LatestByHead : public RingSubscriber<Policy> {
 public:
  LatestByHead(const Machine::Word* words, const Geometry& geometry, std::uint64_t cursor, std::uint64_t oldest,
               std::uint64_t resume_behind)
      : RingSubscriber{words, geometry, cursor, oldest, resume_behind} {}

  template <class Destination>
  ReadResult latest(const Destination& to) {
    const std::uint64_t head = model::load_head();
    if (head == 0) return {.status = ReadStatus::nothing};
    // A subscriber that has read up to head - 1, so that its next message is head.
    RingSubscriber fresh{Machine::get().word(0), geometry(), head - 1, 1, geometry().capacity / 2 - 1};
    return fresh.next(to);
  }
};

/// next() that resumes half a ring behind head, and not behind what the version proves. Refuted: with two slots
/// that is the message that was just overrun.
class ResumeFromHead : public RingSubscriber<Policy> {
 public:
  ResumeFromHead(const Machine::Word* words, const Geometry& geometry, std::uint64_t cursor,
                 std::uint64_t oldest, std::uint64_t resume_behind)
      : RingSubscriber{words, geometry, cursor, oldest, resume_behind}, words_{words} {}

  template <class Destination>
  ReadResult next(const Destination& to) {
    RingSubscriber& self = *this;
    std::uint64_t sequence = cursor() + 1;
    for (int attempt = 0; attempt < 2; ++attempt) {
      RingSubscriber at{words_, geometry(), sequence - 1, 1, 0};
      ReadResult result = at.next(to);
      if (result.status == ReadStatus::nothing) return result;
      if (result.status == ReadStatus::message && result.lost == 0) {
        result.lost = sequence - cursor() - 1;
        self = at;
        return result;
      }
      sequence = model::load_head() - geometry().capacity / 2;
    }
    return {.status = ReadStatus::overrun};
  }

 private:
  const Machine::Word* words_;
};

} // namespace model
