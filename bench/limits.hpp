// SPDX-License-Identifier: BSL-1.0
//
// limits: what the machine itself allows, measured in the same run as what is compared with it.
#pragma once

#include "control.hpp"

namespace bench {

/// Half a round trip of one cache line between the two cores, over two lines, one for each direction; ns,
/// median. Takes about 5 ms.
double line_ns();

/// Time of a core to copy `size` bytes that the other core has just written; ns, median.
double dirty_copy_ns(std::size_t size, Control& control);

/// Time to copy `size` bytes that are in this core's caches; ns, median.
double cached_copy_ns(std::size_t size);

/// A sequentially consistent fence; ns.
double fence_ns();

} // namespace bench
