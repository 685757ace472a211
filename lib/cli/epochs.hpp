// SPDX-License-Identifier: BSL-1.0
//
// epochs: of which publisher's tenure a received message is, where messages are passed on with their epochs: into a
// recording, or to other machines.
//
// Invariants
//   1. A message gets the epoch in which it was published, or none: those that ended before the first call, or
//      between two calls, are not known.
#pragma once

#include <seqcast/subscriber.hpp>

#include <cstdint>
#include <vector>

namespace cli {

/// Of one region. To be made when it is opened, and asked about each message in order, right after that was received.
class Epochs {
 public:
  explicit Epochs(const seqcast::AnySubscriber& subscriber);

  /// That of a message of this subscriber; number 0 if it is not known.
  seqcast::Epoch of(const seqcast::AnySubscriber& subscriber, std::uint64_t sequence);

 private:
  std::vector<seqcast::Epoch> seen_; // in their order; number 0 for those in between that were not seen
};

} // namespace cli
