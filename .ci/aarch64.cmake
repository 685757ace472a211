# SPDX-License-Identifier: BSL-1.0
#
# aarch64: the toolchain file of the preset of this name: Debian's cross compiler, and qemu for what it makes.
#
# Of libraries only headers are needed. Debian's compiler looks for those of other packages in /usr/include by
# itself, behind its own; what tells CMake about them lies in a folder of the machine that compiles.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
file(GLOB fmt_DIR /usr/lib/*/cmake/fmt)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
