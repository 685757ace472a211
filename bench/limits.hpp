// SPDX-License-Identifier: BSL-1.0
//
// limits: the limits of the machine, measured in the same run as what is compared with them.
//
// Who may use it: the main process.
#pragma once

#include "control.hpp"

namespace bench {

/// The line time: half a round trip of one cache line between the two cores, over two lines, one for each
/// direction; ns, median. Takes about 5 ms.
double line_time_ns();

/// Time of a core to copy `size` bytes that the other core has just written; ns, median.
double dirty_copy_ns(std::size_t size, Control& control);

/// Time to copy `size` bytes that are in this core's caches; ns, median.
double cached_copy_ns(std::size_t size);

/// Time of a sequentially consistent fence; ns, median.
double fence_ns();

} // namespace bench
