// SPDX-License-Identifier: BSL-1.0
//
// region: a mapping of an open file, and the identity at its start.
//
// Who may call it: publisher_region, subscriber_region and remove.
//
// Invariants
//   1. The file is neither grown, shrunk nor opened here: what is mapped is the descriptor that was checked.
//   2. The identity is stored once, before its magic, which is stored last.
#pragma once

#include "platform/platform.hpp"

#include <seqcast/detail/region.hpp>

namespace seqcast::inline v1::detail {

class Mapping {
 public:
  Mapping() noexcept;
  Mapping(Mapping&&) noexcept;
  Mapping& operator=(Mapping&&) noexcept;
  ~Mapping();

  /// Maps the first `size` bytes. Requires: size > 0, and the file is at least as long.
  static Mapping map(const platform::Handle& handle, platform::Access access, std::uint64_t size,
                     std::error_code& error);

  /// Requires: mapped for reading and writing.
  Word* words() const noexcept;
  const Word* read_only_words() const noexcept;
  /// Bytes; 0 if nothing is mapped.
  std::uint64_t size() const noexcept;

  /// From here on a truncation of the file is survived: everything here becomes zero then, and stays so.
  void survive_truncation(platform::Access access, std::error_code& error);
  bool survives_truncation() const noexcept;
  /// Whether that has happened.
  bool truncated() const noexcept;
  /// Makes it happen. Requires: survives_truncation().
  void give_up() const noexcept;

  /// Touches every page, so that no message pays for a page fault, and keeps them in memory if `lock`.
  /// Requires: for Access::read_write, that this process holds the publisher's lock.
  /// Errors: the system's, if it may not keep them.
  void prefault(platform::Access access, bool lock, std::error_code& error) const noexcept;

  /// Has the region made of huge pages where the system can. Moves its pages, so that whoever has it mapped is
  /// held up for a moment. Requires: mapped for reading and writing.
  void use_huge_pages() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A private copy of the identity; all zeros but the magic if the magic is not there.
Identity load_identity(const Word* words) noexcept;

/// Makes a region of zeros a channel. Everything else in the region has to be stored before.
void store_identity(Word* words, const Identity& identity) noexcept;

/// Makes a file of zeros what the magic says.
void store_magic(Word* words, std::uint64_t number) noexcept;

} // namespace seqcast::inline v1::detail
