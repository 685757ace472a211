// SPDX-License-Identifier: BSL-1.0
//
// bell: the file beside the region that sleepers and publishers share. It belongs to the name, not to one
// region: a region that takes another's place takes over its bell, and with it whoever sleeps there.
//
// Who may call it: publishers and subscribers at any time; see each function for the lock that it needs.
//
// Invariants
//   1. Its name changes only while this process holds the lock of the file behind the region's name: so no bell
//      is taken from another publisher.
//   2. A publisher maps no other user's bell, unless it may publish into that user's region too: who owns a
//      file may truncate it.
//   3. Nothing depends on what a bell contains: see detail/doorbell.hpp.
#pragma once

#include "region.hpp"

#include <seqcast/detail/doorbell.hpp>
#include <seqcast/detail/reliable.hpp>

namespace seqcast::inline v1::detail {

class Bell {
 public:
  /// Where the bell of the region at `region` is.
  static platform::Place place_of(const platform::Place& region);
  /// Whether a file can be a bell, as far as its status shows.
  static bool is_bell(const platform::FileStatus& status) noexcept;

  /// The bell that is there or, where none is, a new one, which gets its name from obtain_name().
  /// Errors: throws Failure: not_a_channel if something else has the name, other_owner, the system's.
  static Bell prepare(const platform::Place& region, const PublisherOptions& options);
  /// Gives a new bell its name, or makes another one if this one has lost its own in the meantime.
  /// Requires: the caller holds the lock of the file behind the region's name. Errors: as for prepare().
  void obtain_name(const PublisherOptions& options);

  /// The bell of a region that belongs to `owner`; an empty one if there is none that this process may write
  /// to. If `survive_truncation`, a truncation of the bell turns this one into zeros, on which sleeping is
  /// useless but safe.
  static Bell find(const platform::Place& region, std::uint64_t owner, bool survive_truncation = false);

  explicit operator bool() const noexcept {
    return static_cast<bool>(mapping_);
  }
  /// Whether this is no longer the bell behind its name, or no longer one at all.
  bool stale() const noexcept;

  /// Another descriptor of it, for questions about its locks. Errors: throws Failure if the name no longer leads to it.
  platform::Handle reopen() const;
  platform::FileId id() const noexcept {
    return id_;
  }

  Word* words() const noexcept {
    return mapping_.words();
  }
  Word* flag() const noexcept {
    return mapping_.words() + bell_flag_offset / word_size;
  }
  Word* word() const noexcept {
    return mapping_.words() + bell_word_offset / word_size;
  }
  const Mapping& mapping() const noexcept {
    return mapping_;
  }

  /// Removes the bell of a region, if that is what lies there.
  /// Requires: the caller holds the lock of the file behind the region's name.
  static void remove(const platform::Place& region) noexcept;

 private:
  static Bell prepare_at(const platform::Place& place, const PublisherOptions& options);
  static Bell make(const platform::Place& place, const PublisherOptions& options, platform::NewFile::Kind kind,
                   std::error_code& error);
  static Bell open(const platform::Place& place, std::optional<std::uint32_t> mode,
                   platform::FileStatus& status, std::error_code& error, bool survive_truncation = false);

  platform::Place place_;
  platform::FileId id_;
  platform::NewFile unnamed_;
  bool replaces_ = false; // another file, which is empty
  bool has_name_ = true;
  Mapping mapping_;
};

} // namespace seqcast::inline v1::detail
