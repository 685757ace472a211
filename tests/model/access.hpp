// SPDX-License-Identifier: BSL-1.0
//
// access: an operation of a modelled thread on its way to the model, and what a mutation may make of it: that
// is how 'this fence left out' is asked of the shipped code.
//
// Who may use it: mutations read and change an Access; a Script is the machine's and the explorer's.
#pragma once

#include "graph.hpp"

#include <functional>
#include <string>
#include <vector>

namespace model {

/// What a word of a region is, for mutations and for traces.
enum class Place : std::uint8_t {
  other,
  head,
  state,
  epoch,
  first,
  version,
  size,
  progress,
  payload,
  flag,
  bell,
  futex
};

/// What the thread is in the middle of, as it says itself.
enum class Phase : std::uint8_t { none, recover, publish, next, latest, sleep };

/// An operation on its way to the model.
struct Access {
  Kind kind;
  Place place = Place::other;
  Phase phase = Phase::none;
  std::memory_order order;
  std::uint64_t value = 0;
  Kind previous = Kind::begin; // the operation before it in this thread
  Place previous_place = Place::other;
  // What a mutation may ask for, besides changing `order` and `value`:
  bool skip = false;        // as if it were not there
  bool stale = false;       // load: what the same call loaded from this word before, if it did
  bool fence_after = false; // store: a release fence follows
};

using Mutation = std::function<void(Access&)>;

/// One thread's operations as far as they are known.
struct Script {
  enum class Ending : std::uint8_t { open, finished, blocked, failed, unrolled };
  std::vector<Op> ops;
  std::vector<std::pair<Kind, std::uint64_t>> told; // of the leading operations: what the thread was told
  Ending ending = Ending::open;
  std::string text; // with failed
};

} // namespace model
