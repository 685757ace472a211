// SPDX-License-Identifier: BSL-1.0
//
// fuzz_file: the same bytes as a file, opened by the public classes.
//
// Who may use it: region_fuzz.
#pragma once

#include "fuzz_input.hpp"

#include <span>

namespace fuzz {

/// Ends the process, for the fuzzer to see, unless it holds.
void require(bool holds, const char* what);

/// Opens the bytes as subscribers and as a publisher do, and reads and publishes what there is.
void through_a_file(const Control& control, std::span<const std::byte> file);

} // namespace fuzz
