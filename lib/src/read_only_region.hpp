// SPDX-License-Identifier: BSL-1.0
//
// read_only_region: a region that somebody else publishes into, checked and mapped read-only: what subscribers
// and inspectors have in common.
//
// Who may call it: subscriber_region and inspect, from any thread.
//
// Invariants
//   1. Nothing here stores anything, takes a lock, or opens the bell: a publisher cannot tell that it is there.
//   2. geometry() lies within the mapping: it comes from a private copy of the header that was checked.
//   3. A page is looked at only when something on it is asked for: opening looks at the header alone.
#pragma once

#include "region.hpp"

#include <seqcast/detail/ring_subscriber.hpp>

namespace seqcast::inline v1::detail {

/// What can be read: messages oldest to newest; none if newest < oldest.
struct ReadableRange {
  std::uint64_t newest = 0;
  std::uint64_t oldest = 1;
};

class ReadOnlyRegion {
 public:
  /// Maps the channel at `location`, whose path is `path`. Gives an empty one and fills `failure` if that
  /// cannot be.
  static ReadOnlyRegion open(const Location& location, const std::string& path, bool survive_truncation,
                             Failure& failure);

  const Mapping& mapping() const noexcept {
    return mapping_;
  }
  const Word* words() const noexcept {
    return mapping_.read_only_words();
  }
  const Identity& identity() const noexcept {
    return identity_;
  }
  const Geometry& geometry() const noexcept {
    return geometry_;
  }
  const Location& location() const noexcept {
    return location_;
  }
  const std::string& path() const noexcept {
    return path_;
  }
  const platform::Handle& handle() const noexcept {
    return handle_;
  }
  const platform::FileFacts& facts() const noexcept {
    return facts_;
  }
  SubscriberLines<HardwareAtomics> lines() const noexcept {
    return SubscriberLines<HardwareAtomics>{words()};
  }

  /// Whether its last publisher ran in this boot of the machine: what it holds is to be believed only then.
  bool of_this_boot() const noexcept {
    return lines().boot() == boot_;
  }
  /// What the region of this boot says that it holds; nothing if no publisher stores that.
  std::optional<ReadableRange> range() const noexcept;

  bool publisher_alive() const noexcept;
  State state() const noexcept;
  Epoch epoch() const noexcept;
  /// True if the file was truncated, and this region survived it: it is all zeros then.
  bool truncated() const noexcept {
    return mapping_.truncated();
  }
  /// The same, found out before anybody looks beyond the file's end. Asks the operating system.
  bool find_truncation() const noexcept;
  /// True if another region, or none, is behind the name now.
  bool superseded() const noexcept;
  /// True if another region is behind the name now.
  bool successor_exists() const noexcept;

 private:
  ReadOnlyRegion(Location location, std::string path)
      : location_{std::move(location)}, path_{std::move(path)} {}
  void open_file(Failure& failure);
  void map(bool survive_truncation, Failure& failure);
  void examine(Failure& failure);

  Location location_;
  std::string path_;
  platform::Handle handle_; // for questions about the lock, which is never taken
  platform::FileFacts facts_;
  Mapping mapping_;
  Identity identity_{};
  Geometry geometry_;
  platform::BootId boot_{};
};

} // namespace seqcast::inline v1::detail
