# SPDX-License-Identifier: BSL-1.0
#
# mingw-w64: a toolchain file for Windows on x86-64, from Debian (g++-mingw-w64-x86-64-posix). Programs are linked
# statically, so that they need no DLL of the compiler's; ctest runs them under Wine.
#
#   cmake --preset mingw
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)

include(${CMAKE_CURRENT_LIST_DIR}/header_packages.cmake)
set(CMAKE_FIND_ROOT_PATH ${header_packages} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# The first word runs the others; the second is where Wine keeps its registry and its drives.
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine ${CMAKE_BINARY_DIR}/wine)
