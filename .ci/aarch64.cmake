# SPDX-License-Identifier: BSL-1.0
#
# aarch64: the toolchain file of the preset for 64-bit ARM (Debian: g++-aarch64-linux-gnu, qemu-user).
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/debian_cross.cmake)
