// SPDX-License-Identifier: BSL-1.0
//
// bell: the file beside the region that sleepers and publishers share. It belongs to the name, not to one
// region: a region that takes another's place takes over its bell, and with it whoever sleeps there.
//
// Who may call it: publishers with the channel's lock held; subscribers at any time.
//
// Invariants
//   1. A bell is never larger or smaller than bell_size, and is its creator's.
//   2. Nothing depends on what a bell contains: see detail/doorbell.hpp.
#pragma once

#include "region.hpp"

#include <seqcast/detail/doorbell.hpp>

namespace seqcast::inline v1::detail {

class Bell {
 public:
  /// The path of the bell of the region at `path`.
  static std::string path_of(const std::string& path);

  /// The bell that is there or, where none is, a new one, which gets its name from link_name().
  /// Errors: throws Failure: not_a_channel if something else has the name, other_owner, the system's.
  static Bell prepare(const std::string& region_path, const PublisherOptions& options);
  /// Errors: throws Failure.
  void link_name();

  /// The bell of a region that belongs to `owner`; an empty one if there is none that this process may write
  /// to. If `survive_truncation`, a truncation of the bell turns this one into zeros, on which sleeping is
  /// useless but safe.
  static Bell find(const std::string& region_path, std::uint64_t owner, bool survive_truncation = false);

  explicit operator bool() const noexcept {
    return static_cast<bool>(mapping_);
  }
  /// Whether this is no longer the bell behind its name, or no longer one at all.
  bool stale() const noexcept;

  Word* flag() const noexcept {
    return mapping_.words() + bell_flag_offset / word_size;
  }
  Word* word() const noexcept {
    return mapping_.words() + bell_word_offset / word_size;
  }
  const Mapping& mapping() const noexcept {
    return mapping_;
  }

  /// Removes the bell beside a region, if that is what lies there.
  static void remove(const std::string& region_path) noexcept;

 private:
  static Bell make(const std::string& path, std::uint32_t mode, std::error_code& error);
  static Bell open(const std::string& path, std::optional<std::uint32_t> mode, platform::FileStatus& status,
                   std::error_code& error, bool survive_truncation = false);

  std::string path_;
  platform::FileId id_;
  Mapping mapping_;
  platform::NewFile unnamed_; // until it has its name
  bool has_name_ = true;
  bool replaces_ = false; // one that was truncated
};

} // namespace seqcast::inline v1::detail
