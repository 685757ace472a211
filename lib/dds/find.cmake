# SPDX-License-Identifier: BSL-1.0
#
# find: SEQCAST_DDS_FOUND, where channels can be mirrored to other machines: with Cyclone DDS and its compiler of types
# (Debian: cyclonedds-dev cyclonedds-tools). AUTO is for the top level, and for Linux.
set(SEQCAST_DDS_FOUND FALSE)
if(NOT SEQCAST_BUILD_DDS)
  return()
endif()
if(SEQCAST_BUILD_DDS STREQUAL "AUTO" AND (NOT PROJECT_IS_TOP_LEVEL OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux"))
  return()
endif()
# Its header and library alone: its package for CMake also wants OpenSSL, for security, which is loaded at run time.
find_path(SEQCAST_CYCLONEDDS_INCLUDE_DIR dds/dds.h)
find_library(SEQCAST_CYCLONEDDS_LIBRARY ddsc)
find_program(SEQCAST_IDLC idlc)
mark_as_advanced(SEQCAST_CYCLONEDDS_INCLUDE_DIR SEQCAST_CYCLONEDDS_LIBRARY SEQCAST_IDLC)
if(SEQCAST_CYCLONEDDS_INCLUDE_DIR AND SEQCAST_CYCLONEDDS_LIBRARY AND SEQCAST_IDLC AND TARGET seqcast_program)
  set(SEQCAST_DDS_FOUND TRUE)
  enable_language(C) # what idlc makes
  add_library(SEQCAST::DDSC UNKNOWN IMPORTED)
  set_target_properties(SEQCAST::DDSC PROPERTIES IMPORTED_LOCATION ${SEQCAST_CYCLONEDDS_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${SEQCAST_CYCLONEDDS_INCLUDE_DIR})
elseif(SEQCAST_BUILD_DDS STREQUAL "AUTO")
  if(TARGET seqcast_program)
    message(STATUS "Cyclone DDS was not found: mirrors are skipped (Debian: cyclonedds-dev cyclonedds-tools)")
  endif() # without the tool there are none
else()
  message(FATAL_ERROR "SEQCAST_BUILD_DDS needs the tool (SEQCAST_BUILD_CLI) and Cyclone DDS "
                      "(Debian: cyclonedds-dev cyclonedds-tools)")
endif()
