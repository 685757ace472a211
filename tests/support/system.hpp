// SPDX-License-Identifier: BSL-1.0
//
// system: what tests ask of the operating system, in the same words on each. What a test needs that is not here
// makes it a test of one system: *_linux_test.cpp, *_process_test.cpp (which forks) or *_windows_test.cpp.
//
// Who may use it: any test.
#pragma once

#if defined(_WIN32)
#include "support/system_windows.hpp"
#else
#include "support/system_linux.hpp"
#endif
