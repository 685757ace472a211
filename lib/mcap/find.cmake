# SPDX-License-Identifier: BSL-1.0
#
# find: SEQCAST_MCAP_FOUND, where recordings can be read and written: with zlib and zstd (Debian: zlib1g-dev libzstd-dev).
# AUTO is for the top level, and for Linux.
set(SEQCAST_MCAP_FOUND FALSE)
if(NOT SEQCAST_BUILD_MCAP)
  return()
endif()
if(SEQCAST_BUILD_MCAP STREQUAL "AUTO" AND (NOT PROJECT_IS_TOP_LEVEL OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux"))
  return()
endif()
find_package(ZLIB QUIET)
find_path(SEQCAST_ZSTD_INCLUDE_DIR zstd.h)
find_library(SEQCAST_ZSTD_LIBRARY zstd)
mark_as_advanced(SEQCAST_ZSTD_INCLUDE_DIR SEQCAST_ZSTD_LIBRARY)
if(ZLIB_FOUND AND SEQCAST_ZSTD_INCLUDE_DIR AND SEQCAST_ZSTD_LIBRARY)
  set(SEQCAST_MCAP_FOUND TRUE)
  add_library(SEQCAST::ZSTD UNKNOWN IMPORTED)
  set_target_properties(SEQCAST::ZSTD PROPERTIES IMPORTED_LOCATION ${SEQCAST_ZSTD_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${SEQCAST_ZSTD_INCLUDE_DIR})
elseif(SEQCAST_BUILD_MCAP STREQUAL "AUTO")
  message(STATUS "zlib or zstd was not found: recordings are skipped (Debian: zlib1g-dev libzstd-dev)")
else()
  message(FATAL_ERROR "SEQCAST_BUILD_MCAP needs zlib and zstd (Debian: zlib1g-dev libzstd-dev)")
endif()
