# SPDX-License-Identifier: BSL-1.0
#
# The Debian packages that CPack makes, one for each component: libseqcast0.1, libseqcast-dev, seqcast-tools,
# seqcast-dds and python3-seqcast. Their names and versions follow Debian's policy, chapter 8; lib/packaging/run builds them as Debian would.
get_target_property(interface seqcast SOVERSION)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
# The project has no address of its own: who makes packages for others answers for them.
set(SEQCAST_MAINTAINER "The authors of seqcast <noreply@seqcast.invalid>" CACHE STRING
    "Who answers for the Debian packages that are made here")
configure_file(debian/changelog.in debian/changelog @ONLY)
configure_file(debian/stage.cmake.in debian/stage.cmake @ONLY)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "${SEQCAST_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_BINARY_DIR}/debian/stage.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/debian/finish.cmake)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL development)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SOURCE seqcast)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(library libseqcast${interface})
set(what_it_is "A publisher writes messages into a region of shared memory, any number of
processes on the same machine read them, and none gets a message that is
torn. The publisher never waits; a subscriber that is too slow is told how
many messages it has lost. There is no daemon.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libseqcast-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "publish and subscribe in shared memory - development files
${what_it_is}

This package has the headers, the static library, what CMake and pkg-config
look for, and the guide.")

if(type STREQUAL "SHARED_LIBRARY")
  list(APPEND CPACK_COMPONENTS_ALL runtime)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${library})
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
  set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "publish and subscribe in shared memory - shared library
${what_it_is}")
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
  set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY >=)
  set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
endif()

if(TARGET seqcast_cli)
  list(APPEND CPACK_COMPONENTS_ALL tool)
  set(CPACK_DEBIAN_TOOL_PACKAGE_NAME seqcast-tools)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION utils)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_TOOL_DESCRIPTION "publish and subscribe in shared memory - command-line tool
${what_it_is}

This package has the program seqcast, which publishes and subscribes from a
shell, and shows the channels that there are.")
  if(type STREQUAL "SHARED_LIBRARY")
    set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
    set(CPACK_DEBIAN_TOOL_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
  endif()
endif()
if(TARGET seqcast_dds)
  list(APPEND CPACK_COMPONENTS_ALL dds)
  set(CPACK_DEBIAN_DDS_PACKAGE_NAME seqcast-dds)
  set(CPACK_DEBIAN_DDS_PACKAGE_SECTION net)
  set(CPACK_DEBIAN_DDS_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_DDS_DESCRIPTION "publish and subscribe in shared memory - mirrors on other machines
${what_it_is}

This package has the program seqcast-dds, which makes the channels of one
machine available on others, over Cyclone DDS.")
  if(type STREQUAL "SHARED_LIBRARY")
    set(CPACK_DEBIAN_DDS_PACKAGE_DEPENDS "${library} (= ${PROJECT_VERSION})")
  endif()
endif()
# The extension has the library in it, so a static build makes it, and this one may only pack it.
option(SEQCAST_PACKAGE_PYTHON "Make a package of another build's component python" OFF)
if(TARGET seqcast_python OR SEQCAST_PACKAGE_PYTHON)
  list(APPEND CPACK_COMPONENTS_ALL python)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-seqcast)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.11)")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-numpy")
  set(CPACK_DEBIAN_PYTHON_DESCRIPTION "publish and subscribe in shared memory - Python package
${what_it_is}

This package has the module seqcast for Python.")
endif()
include(CPack)
