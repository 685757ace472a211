// SPDX-License-Identifier: BSL-1.0
//
// identity: making one from options, checking one that was found, comparing the two. Pure functions over
// private copies. Each gives a Failure that says what was expected, what was found and what to do.
#pragma once

#include <seqcast/detail/region.hpp>
#include <seqcast/error.hpp>

namespace seqcast::inline v1::detail {

/// The identity of a new channel. Errors: Errc::invalid_options, Errc::build_mismatch.
Identity make_identity(const PublisherOptions& options, const Wanted& wanted, Failure& failure);

/// Whether the numbers are those of a channel that fits into `file_size` bytes. Afterwards they can be relied
/// on.
void check_identity(const Identity& identity, std::uint64_t file_size, Failure& failure);

/// Whether the channel found is the one that the caller wants; what is unset in `options` and `wanted` is not
/// compared. Requires: check_identity() accepted it.
void compare_identity(const Identity& found, const PublisherOptions& options, const Wanted& wanted,
                      Failure& failure);

/// The same for a subscriber, which has no options that a channel could contradict.
void compare_identity(const Identity& found, const Wanted& wanted, Failure& failure);

/// The schema name without its padding. Requires: check_identity() accepted it.
std::string_view schema_name_of(const Identity& identity);

/// Whether the caller's headers fit this library. Errors: Errc::build_mismatch.
void check_build(const Wanted& wanted, Failure& failure);

} // namespace seqcast::inline v1::detail
