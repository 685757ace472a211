// SPDX-License-Identifier: BSL-1.0
//
// subscriber_region: a region that another process publishes into, checked and mapped read-only, for
// subscribers and inspectors.
//
// Who may call it: subscribers, inspectors and waits, from any thread.
//
// Invariants
//   1. Nothing here stores anything, takes a lock, or opens the bell: a publisher cannot notice it.
//   2. `geometry` lies within the mapping: it comes from a private copy of the header that was checked.
//   3. A page is read only when something on it is asked for: opening reads the header alone.
#pragma once

#include "region.hpp"

#include <seqcast/detail/recovery.hpp>

namespace seqcast::inline v1::detail {

/// What can be read: messages oldest to newest; none if newest < oldest.
struct ReadableRange {
  std::uint64_t newest = 0;
  std::uint64_t oldest = 1;
};

struct SubscriberRegion {
  /// Maps the channel at `where`, whose file is at `its_place`. Errors: throws Failure.
  SubscriberRegion(const Location& where, const platform::Place& its_place, bool survive_truncation);

  /// Whether its last publisher ran in this boot of the machine: only then its messages can be read.
  bool of_this_boot() const noexcept {
    return detail::of_this_boot(handle, words, boot);
  }
  /// What can be read of a region of this boot; nothing if head and oldest are no publisher's.
  std::optional<ReadableRange> range() const noexcept;

  bool publisher_alive() const noexcept;
  ChannelState state() const noexcept;
  std::optional<Epoch> epoch() const noexcept;
  /// Asks the operating system whether the file was truncated; if so, and if this region survives it, makes it
  /// zeros before anything beyond the file's end is read. Gives whether it is zeros.
  bool check_truncation() const noexcept;
  /// Whether another region, or none, is behind the name now.
  bool superseded() const noexcept;
  /// Whether another region is behind the name now.
  bool has_successor() const noexcept;

  Location location;
  platform::Place place;
  platform::Handle handle; // for questions about the lock, which is never taken
  platform::FileStatus status;
  Mapping mapping;
  const Word* words;
  Identity identity;
  std::string format; // of its schema
  Geometry geometry;
  platform::Boot boot;
};

/// A region for a subscriber, and what could be read of it when it was opened.
struct OpenedRegion {
  std::shared_ptr<const SubscriberRegion> region;
  ReadableRange range;
};

/// Opens a region for a subscriber, and waits for one for options.open_timeout. Errors: throws Failure.
OpenedRegion open_for_subscriber(const Location& location, platform::Place place,
                                 const SubscriberOptions& options, const ExpectedIdentity& expected);

} // namespace seqcast::inline v1::detail
