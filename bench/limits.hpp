// SPDX-License-Identifier: BSL-1.0
//
// limits: the limits of the machine, measured in the same run as what is compared with them.
//
// Who may use it: the main process.
#pragma once

#include "control.hpp"

namespace bench {

/// The line time: from a stamp that one processor takes and stores into a cache line to one that the other takes
/// when it has loaded it; ns, median of `count` messages with the pauses of Scenario::one_way. The sender's
/// processor first. Takes about 7 ms.
double line_time_ns(std::span<const int> cpus, std::uint64_t count = 200);

/// Time of a core to copy `size` bytes that the other core has just written; ns, median.
double dirty_copy_ns(std::size_t size, Control& control);

/// Time to copy `size` bytes that are in this core's caches; ns, median.
double cached_copy_ns(std::size_t size);

/// Time of a sequentially consistent fence; ns, median.
double fence_ns();

} // namespace bench
