// SPDX-License-Identifier: BSL-1.0
//
// system: what tests need of the operating system, with the same interface on each. A test that needs more is a
// test of one system: *_linux_test.cpp, *_process_test.cpp (which forks) or *_windows_test.cpp.
//
// Who may use it: any test.
#pragma once

#if defined(_WIN32)
#include "support/system_windows.hpp"
#else
#include "support/system_linux.hpp"
#endif
