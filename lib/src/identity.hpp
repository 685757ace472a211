// SPDX-License-Identifier: BSL-1.0
//
// identity: making one from options, checking one that was found, comparing the two. Pure functions over
// private copies. Each throws a Failure that says what was expected, what was found and what to do.
#pragma once

#include "failure.hpp"

#include <seqcast/detail/region.hpp>

namespace seqcast::inline v1::detail {

/// What a publisher of bytes expects, with the schema that it gives, to which the result refers; otherwise
/// `expected`. Errors: Errc::invalid_options.
ExpectedIdentity expect_schema(const ExpectedIdentity& expected, const PublisherOptions& options,
                               const Schema& schema);

/// The identity of a new channel; `schema` is what a publisher of bytes gives, `new_id` the id of a channel that is no
/// mirror. Errors: Errc::invalid_options.
Identity make_identity(const PublisherOptions& options, const ExpectedIdentity& expected, const Schema& schema,
                       std::uint64_t new_id);

/// Checks that the numbers are those of a channel that fits into `file_size` bytes. Afterwards they can be
/// relied on.
void check_identity(const Identity& identity, std::uint64_t file_size);

/// Checks that the channel found is of the type that the caller expects. `format` is that of its schema.
/// Requires: check_identity() accepted it.
void compare_identity(const Identity& found, std::string_view format, const ExpectedIdentity& expected);

/// Checks that it has the options that are set. Requires: check_identity() accepted it.
void compare_options(const Identity& found, std::string_view format, const PublisherOptions& options,
                     const ExpectedIdentity& expected);

/// The schema name without its padding. Requires: check_identity() accepted it.
std::string_view schema_name_of(const Identity& identity);

/// How subscribers of this channel are woken.
Wakeup wakeup_of(const Identity& identity) noexcept;

/// Whether it mirrors a channel of another machine.
inline bool is_mirror(const Identity& identity) noexcept {
  return (identity.compatible_flags & flag_mirror) != 0;
}

/// Checks that the caller's headers fit this library. Errors: Errc::build_mismatch.
void check_build(const ExpectedIdentity& expected);

} // namespace seqcast::inline v1::detail
