# SPDX-License-Identifier: BSL-1.0
#
# find: SEQCAST_PYTHON_FOUND, and SEQCAST_PYTHON_INCLUDE_DIR with Python.h. Asks the interpreter SEQCAST_PYTHON and no
# other: which one comes first on PATH is chance. AUTO is for the top level, and for a module that can be imported there:
# not for another machine's, and not with a sanitizer, which the interpreter lacks. The library is linked in statically.
set(SEQCAST_PYTHON_FOUND FALSE)
if(NOT SEQCAST_BUILD_PYTHON)
  return()
endif()
set(python_is_wanted TRUE)
if(SEQCAST_BUILD_PYTHON STREQUAL "AUTO")
  if(NOT PROJECT_IS_TOP_LEVEL OR CMAKE_CROSSCOMPILING OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux"
     OR CMAKE_CXX_FLAGS MATCHES "-fsanitize" OR BUILD_SHARED_LIBS)
    return()
  endif()
  set(python_is_wanted FALSE)
endif()
execute_process(
  COMMAND ${SEQCAST_PYTHON} -c
    "import sys, sysconfig; assert sys.version_info >= (3, 11), sys.version; print(sysconfig.get_path('include'), end='')"
  OUTPUT_VARIABLE SEQCAST_PYTHON_INCLUDE_DIR ERROR_VARIABLE python_error RESULT_VARIABLE python_status)
if(BUILD_SHARED_LIBS)
  message(FATAL_ERROR "SEQCAST_BUILD_PYTHON needs the static library: BUILD_SHARED_LIBS=OFF")
elseif(python_status EQUAL 0 AND EXISTS ${SEQCAST_PYTHON_INCLUDE_DIR}/Python.h)
  set(SEQCAST_PYTHON_FOUND TRUE)
elseif(python_is_wanted)
  message(FATAL_ERROR "SEQCAST_BUILD_PYTHON needs the headers of CPython 3.11 or later for ${SEQCAST_PYTHON} "
                      "(Debian: python3-dev). ${python_error}")
endif()
