// SPDX-License-Identifier: BSL-1.0
//
// missing: what stands in for a transport whose library was not there when the benchmark was built.
#pragma once

#include "../transport.hpp"

namespace bench {

inline Transport missing_transport(Description about, const char* package) {
  about.missing = package;
  return {about, {}};
}

} // namespace bench
