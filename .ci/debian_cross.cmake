# SPDX-License-Identifier: BSL-1.0
#
# debian_cross: what the toolchain files of other processors have in common: Debian's cross compilers, and qemu for
# what they make. To be included, with CMAKE_SYSTEM_PROCESSOR set.
#
# Of libraries only headers are needed. Debian's cross compilers look for those of other packages in /usr/include by
# themselves, behind their own; what tells CMake about them lies in a folder of the machine that compiles.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_CXX_COMPILER ${CMAKE_SYSTEM_PROCESSOR}-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${CMAKE_SYSTEM_PROCESSOR} -L /usr/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)
file(GLOB fmt_DIR /usr/lib/*/cmake/fmt)
