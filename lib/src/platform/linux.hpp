// SPDX-License-Identifier: BSL-1.0
//
// linux: what the two Linux files share.
#pragma once

#include "platform.hpp"

namespace seqcast::inline v1::detail::platform {

/// errno as a code.
std::error_code last_error() noexcept;

/// Opens a file, created with mode 0600 where `flags` say so, for the sake of its lock.
/// A fork in another thread happens before or after, never in between: no child keeps the descriptor.
LockFile open_for_lock(const char* path, int flags, std::error_code& error);

} // namespace seqcast::inline v1::detail::platform
