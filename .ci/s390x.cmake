# SPDX-License-Identifier: BSL-1.0
#
# s390x: the toolchain file of the preset for a big-endian machine (Debian: g++-s390x-linux-gnu, qemu-user).
set(CMAKE_SYSTEM_PROCESSOR s390x)
include(${CMAKE_CURRENT_LIST_DIR}/debian_cross.cmake)
