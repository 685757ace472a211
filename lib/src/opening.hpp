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
#include "reliable.hpp"

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
  std::uint32_t fixed_message_size = 0; // 0: messages of any size
  std::uint64_t head = 0;               // of the last message before this publisher
  Epoch epoch;
  bool remove_on_close = false;
  std::optional<ReliableWait> reliable; // none: this publisher waits for nobody
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

// How often to begin again when the name changes hands meanwhile.
inline constexpr int most_attempts = 64;

[[noreturn]] void fail_after_all_attempts();

/// What `attempt` gives, as soon as that is something. Errors: fails after most_attempts.
template <class Attempt>
auto until_done(const Attempt& attempt) {
  for (int i = 0; i < most_attempts; ++i) {
    if (auto result = attempt()) return result;
  }
  fail_after_all_attempts();
}

/// A file of a channel, locked by this process, and behind its name when it was locked.
struct LockedFile {
  platform::LockFile lock;
  platform::FileStatus status;
};

/// Opens and locks what is behind the name. Gives nothing if the name stands for something else by then:
/// try again.
/// Errors: no_channel, not_a_regular_file, other_owner, publisher_alive, lock_obstructed, the system's.
std::optional<LockedFile> lock_existing(const platform::Place& place, bool allow_other_owner);

/// A locked file, mapped for writing through a descriptor that has no lock.
struct MappedFile {
  platform::Handle handle;
  Mapping mapping;
};

/// Maps a locked file as it is. Nothing is stored in it. The mapping is empty if the name stands for something
/// else by then: try again.
MappedFile map_locked(const platform::Place& place, const LockedFile& file);

/// Marks a sound region that has lost its name, and wakes its subscribers.
/// Requires: the caller holds the region's lock; `bell` is its bell, or empty.
void supersede(const Mapping& mapping, const Bell& bell);

} // namespace seqcast::inline v1::detail
