// SPDX-License-Identifier: BSL-1.0
//
// opening: how a publisher creates a channel or takes it over, and the steps that publishers, subscribers and
// remove_channel() have in common.
//
// Invariants
//   1. A region becomes visible whole: it is built without a name, or under a temporary one.
//   2. A PublisherRegion holds the channel's exclusive lock, and everybody who opens the name can see that; in a
//      forked child it is dead, and stores nothing.
//   3. Whatever fails, the channel, or whatever else is behind the name, is unchanged.
#pragma once

#include "bell.hpp"

namespace seqcast::inline v1::detail {

/// A channel that this process publishes into.
struct PublisherRegion {
  /// Creates the channel, or takes it over. Errors: throws Failure.
  static Owner<PublisherRegion> open(const Location& location, const PublisherOptions& options,
                                     const ExpectedIdentity& expected);

  PublisherRegion(const Location& where, const platform::Place& its_place)
      : location{where}, place{its_place} {}
  PublisherRegion(const PublisherRegion&) = delete;
  PublisherRegion& operator=(const PublisherRegion&) = delete;
  /// Marks the channel closed, wakes whoever sleeps, and releases the lock.
  ~PublisherRegion();

  /// Whether the name is gone, or stands for another region now.
  bool superseded() const noexcept;
  /// The bell's flag; null if there is no bell.
  Word* sleepers_flag() const noexcept;
  /// The word that sleepers wait on; null if subscribers poll.
  Word* futex_word() const noexcept;

  Location location;
  platform::Place place;
  platform::LockFile lock;
  platform::FileId id;
  Mapping mapping;
  Bell bell; // empty if the channel has none
  Identity identity{};
  std::uint64_t head = 0; // of the last message before this publisher
  Epoch epoch;
  bool remove_on_close = false;
};

/// Where the location's file is. Errors: Errc::invalid_location.
platform::Place find_place(const Location& location);

/// Fails if opening a file failed. Errors: no_channel, not_a_regular_file, the system's.
void check_opened(std::error_code error);

/// Fails unless the file is a regular one.
void check_regular(const platform::FileStatus& status);

/// What stands at a name.
enum class NameState { ours, gone, another };

/// Whether the name leads to the file `id`. A name that cannot be looked at counts as ours: a folder that became
/// unreadable says nothing about the file.
NameState name_state(const platform::Place& place, platform::FileId id) noexcept;

} // namespace seqcast::inline v1::detail
