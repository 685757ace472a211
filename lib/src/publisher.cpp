// SPDX-License-Identifier: BSL-1.0
#include <seqcast/publisher.hpp>

#include "platform/platform.hpp"

namespace seqcast::inline v1 {

void PublisherBase::ring_doorbell() noexcept {
  if (doorbell_.published()) detail::platform::wake_all(detail::low_half(doorbell_.word()));
}

} // namespace seqcast::inline v1
