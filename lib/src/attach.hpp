// SPDX-License-Identifier: BSL-1.0
//
// attach: the steps that publishers, subscribers and remove() have in common on their way to a region.
#pragma once

#include "identity.hpp"
#include "region.hpp"

namespace seqcast::inline v1::detail {

/// Fills `failure`, unless something already has.
void fail(Failure& failure, std::error_code code, std::string text);

/// Puts before the text what was tried on which location.
void explain(Failure& failure, const char* what, const Location& location);

/// The location's path. Errors: Errc::invalid_location.
std::string find_path(const Location& location, Failure& failure);

/// Turns what the system said when opening into the library's words: no_channel, not_a_regular_file.
void explain_open(std::error_code error, Failure& failure);

/// Says what to do about memory that may not be locked.
void explain_memory_lock(std::error_code error, std::uint64_t size, Failure& failure);

/// Fails unless the file is a regular one.
void check_regular(const platform::FileFacts& facts, Failure& failure);

/// A file of a channel, locked by this process, still behind its name when it was locked.
struct LockedFile {
  platform::LockFile lock;
  platform::FileFacts facts;
};

/// Opens and locks what is behind the name. Gives nothing, without a failure, if the name stands for something
/// else by then: try again. Errors: no_channel, not_a_regular_file, other_owner, publisher_alive,
/// lock_obstructed, the system's.
std::optional<LockedFile> lock_existing(const std::string& path, bool allow_other_owner, Failure& failure);

/// A locked file, mapped for writing through a descriptor that has no lock.
struct MappedFile {
  platform::Handle handle;
  Mapping mapping;
};

/// Maps a locked file as it is; nothing is stored in it. The mapping is empty, without a failure, if the name
/// stands for something else by then.
MappedFile map_locked(const std::string& path, const LockedFile& file, Failure& failure);

/// Tells the subscribers of a sound region that has lost its name, `path`, and wakes them.
/// Requires: the caller holds the region's lock.
void supersede(const Mapping& mapping, const std::string& path);

/// Wakes all who sleep on the word, to have a look around. Requires: the caller holds the channel's lock.
void ring(Word* flag, Word* word) noexcept;

/// How often to begin again when names change while they are looked at.
inline constexpr int most_attempts = 64;

} // namespace seqcast::inline v1::detail
