// SPDX-License-Identifier: BSL-1.0
//
// access: an operation of a modelled thread before the model performs it, and what a mutation may change in it:
// so the shipped code runs with one fence left out, or one order weakened.
//
// Who may use it: mutations read and change an Access; a Script belongs to the machine and the explorer.
#pragma once

#include "graph.hpp"

#include <functional>
#include <string>
#include <vector>

namespace model {

/// The role of a word of a region, for mutations and for traces.
enum class Field : std::uint8_t {
  other,
  head,
  state,
  epoch,
  first,
  origin_epoch,
  oldest,
  version,
  size,
  time,
  progress,
  payload,
  flag,
  bell,
  futex,
  waits,
  space,
  used,
  registration,
  cursor,
  withdrawn,
  owner
};

/// The call that the thread executes, as it has announced by Machine::enter().
enum class Phase : std::uint8_t { none, recover, loan, poll, publish, begin, next, batch, latest, sleep };

/// An operation that a thread is about to perform.
struct Access {
  Kind kind;
  Field field = Field::other;
  Phase phase = Phase::none;
  std::memory_order order;
  std::uint64_t value = 0;
  Kind previous = Kind::begin; // the operation before it in this thread
  Field previous_field = Field::other;
  std::uint8_t before = 0; // how often the same call has loaded this word, or stored it, before
  // What a mutation may set, besides changing `order` and `value`:
  bool skip = false;        // as if it were not there
  bool stale = false;       // load: gives what the same call loaded from this word before, if it did
  bool fence_after = false; // store: a release fence follows
};

using Mutation = std::function<void(Access&)>;

/// The operations of one thread as far as they are known.
struct Script {
  enum class Ending : std::uint8_t { open, finished, blocked, failed, unrolled };
  std::vector<Op> ops;
  std::vector<std::pair<Kind, std::uint64_t>> results; // of the leading operations
  Ending ending = Ending::open;
  std::string text; // with failed
};

} // namespace model
