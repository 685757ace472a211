# SPDX-License-Identifier: BSL-1.0
#
# finish: what CPack cannot say in a package, or says as was usual once. CPack runs this when it has made them.
#   - The library and its development files can be installed for several architectures at once: Multi-Arch.
#   - The library's cache is renewed by dpkg's trigger, not by scripts of ours.
foreach(package IN LISTS CPACK_PACKAGE_FILES)
  get_filename_component(name ${package} NAME)
  set(folder ${CPACK_TEMPORARY_DIRECTORY}/finish/${name})
  if(NOT name MATCHES "^lib")
    continue()
  endif()
  file(MAKE_DIRECTORY ${folder})
  execute_process(COMMAND dpkg-deb --raw-extract ${package} ${folder} COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${folder}/DEBIAN/control control)
  string(STRIP "${control}" control)
  file(WRITE ${folder}/DEBIAN/control "${control}\nMulti-Arch: same\n")
  if(EXISTS ${folder}/DEBIAN/shlibs)
    file(REMOVE ${folder}/DEBIAN/postinst ${folder}/DEBIAN/postrm)
    file(WRITE ${folder}/DEBIAN/triggers "activate-noawait ldconfig\n")
  endif()
  execute_process(COMMAND dpkg-deb --root-owner-group -Zxz --build ${folder} ${package} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
