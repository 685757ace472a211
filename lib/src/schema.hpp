// SPDX-License-Identifier: BSL-1.0
//
// schema: comparing two descriptions, for the refusal of a channel whose layout is another.
#pragma once

#include <seqcast/schema.hpp>

#include <string>

namespace seqcast::inline v1::detail {

/// The schema for a refusal: its text, or that there is none, or why it cannot be read. Of bounded length, and
/// without control characters.
std::string describe(const Schema& schema);

/// The first field in which the two layouts differ, what is expected there, and what was found; empty if
/// none does.
std::string first_difference(const Schema& expected, const Schema& found);

} // namespace seqcast::inline v1::detail
