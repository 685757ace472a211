// SPDX-License-Identifier: BSL-1.0
#include <seqcast/detail/recovery.hpp>

namespace seqcast::inline v1::detail {

template class Recovery<HardwareAtomics>;

} // namespace seqcast::inline v1::detail
