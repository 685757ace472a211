// SPDX-License-Identifier: BSL-1.0
//
// region: a mapping of an open file, and the identity at its start. The only files that include Boost.
//
// Who may call it: lib/src.
//
// Invariants
//   1. The file is neither grown, shrunk nor opened here: what is mapped is the descriptor that was checked.
//   2. The identity is stored once, before its magic, which is stored last.
#pragma once

#include "failure.hpp"
#include "platform/platform.hpp"

#include <seqcast/detail/region.hpp>

#include <boost/interprocess/mapped_region.hpp>

namespace seqcast::inline v1::detail {

class Mapping {
 public:
  /// Nothing is mapped.
  Mapping() = default;
  /// Maps the first `size` bytes. If `survive_truncation`, a truncation of the file is survived: everything
  /// here becomes zero then, and stays so.
  /// Requires: size > 0, and the file is at least as long. Errors: throws Failure.
  Mapping(const platform::Handle& handle, platform::Access access, std::uint64_t size,
          bool survive_truncation = false);
  Mapping(Mapping&&) noexcept = default;
  Mapping& operator=(Mapping&&) noexcept;

  explicit operator bool() const noexcept {
    return region_.get_address() != nullptr;
  }
  /// Requires: mapped for reading and writing.
  Word* words() const noexcept {
    return words_at(region_.get_address());
  }
  const Word* read_only_words() const noexcept {
    return words_at(static_cast<const void*>(region_.get_address()));
  }
  std::uint64_t size() const noexcept {
    return region_.get_size();
  }

  bool survives_truncation() const noexcept {
    return static_cast<bool>(guard_);
  }
  /// Whether that has happened.
  bool truncated() const noexcept {
    return guard_.truncated();
  }
  /// Makes everything here zero, as after a truncation. Requires: survives_truncation().
  void replace_with_zeros() const noexcept {
    guard_.replace_with_zeros();
  }

  /// Touches every page, so that no message pays for a page fault, and keeps them in memory if `lock`.
  /// Requires: for Access::read_write, that this process holds the publisher's lock.
  /// Errors: throws Failure if they may not be kept.
  void prefault(platform::Access access, bool lock) const;

 private:
  boost::interprocess::mapped_region region_;
  // These end before the mapping does.
  platform::MappedWords words_;
  platform::TruncationGuard guard_;
};

/// Which boot of the machine this is. Errors: throws Failure if the system does not report it.
platform::Boot boot_of_machine();

/// Whether what the region contains was stored since this boot of the machine: only then its slots can be
/// relied on, since a file's pages reach the disk in any order.
bool of_this_boot(const platform::Handle& handle, const Word* words, const platform::Boot& boot) noexcept;

/// A private copy of the identity; all zeros but the magic if the magic is another.
Identity load_identity(const Word* words) noexcept;

/// A private copy of the format of its schema. Requires: check_identity() accepted the identity for
/// this mapping.
std::string load_format(const Word* words, const Identity& identity);

/// Makes a region of zeros a channel, with the format of its schema. Everything else in the region has to be
/// stored before.
void store_identity(Word* words, const Identity& identity, std::string_view format) noexcept;

/// Stores the first word of a file of zeros.
void store_magic(Word* words, std::uint64_t number) noexcept;

} // namespace seqcast::inline v1::detail
