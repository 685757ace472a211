// SPDX-License-Identifier: BSL-1.0
//
// system: what the demos need from the operating system beyond seqcast, with one interface for Linux and Windows.
// It includes nothing of seqcast and nothing of the other demos.
#pragma once

#if defined(_WIN32)
#include "system_windows.hpp"
#else
#include "system_linux.hpp"
#endif
