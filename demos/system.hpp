// SPDX-License-Identifier: BSL-1.0
//
// system: what the demos ask of the operating system beyond seqcast, in the same words on each.
#pragma once

#if defined(_WIN32)
#include "system_windows.hpp"
#else
#include "system_linux.hpp"
#endif
