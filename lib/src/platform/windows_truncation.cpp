// SPDX-License-Identifier: BSL-1.0
//
// windows_truncation: nothing to survive. The system refuses to truncate a file that anybody has mapped
// (ERROR_USER_MAPPED_FILE), and a section has a size for life.
#include "platform.hpp"

namespace seqcast::inline v1::detail::platform {

TruncationGuard TruncationGuard::protect(const void*, std::uint64_t, Access, std::error_code&) {
  return {};
}

TruncationGuard::~TruncationGuard() = default;

bool TruncationGuard::truncated() const noexcept {
  return false;
}

void TruncationGuard::give_up() const noexcept {}

} // namespace seqcast::inline v1::detail::platform
