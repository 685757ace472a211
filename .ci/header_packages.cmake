# SPDX-License-Identifier: BSL-1.0
#
# header_packages: the packages of this machine that are nothing but headers, for a compiler of another system,
# which must not look into /usr/include itself. To be included by a toolchain file. Sets header_packages to a folder
# for CMAKE_FIND_ROOT_PATH, with links to the headers and with what find_package() looks for.
set(header_packages ${CMAKE_BINARY_DIR}/headers)

function(link_headers folder)
  find_path(found_${folder} ${folder} PATHS /usr/include /usr/local/include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
  if(found_${folder})
    file(MAKE_DIRECTORY ${header_packages}/include)
    file(CREATE_LINK ${found_${folder}}/${folder} ${header_packages}/include/${folder} SYMBOLIC)
  endif()
  unset(found_${folder} CACHE)
endfunction()

# package NAME TARGET [DEFINITION...]: find_package(NAME) gives a TARGET that has the headers in its include path.
function(package name target)
  file(WRITE ${header_packages}/lib/cmake/${name}/${name}Config.cmake
    "if(NOT TARGET ${target})\n"
    "  add_library(${target} INTERFACE IMPORTED)\n"
    "  target_include_directories(${target} SYSTEM INTERFACE ${header_packages}/include)\n"
    "  target_compile_definitions(${target} INTERFACE ${ARGN})\n"
    "endif()\n")
endfunction()

get_property(in_try_compile GLOBAL PROPERTY IN_TRY_COMPILE)
if(NOT in_try_compile)
  foreach(folder IN ITEMS boost CLI fmt doctest)
    link_headers(${folder})
  endforeach()
  package(CLI11 CLI11::CLI11)
  package(fmt fmt::fmt-header-only FMT_HEADER_ONLY)
  package(doctest doctest::doctest)
endif()
