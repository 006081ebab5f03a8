# SPDX-License-Identifier: Apache-2.0
#
# libev, which ships neither a pkg-config file nor a CMake package on Debian.

include(FindPackageHandleStandardArgs)

find_path(LibEv_INCLUDE_DIR NAMES ev.h)
find_library(LibEv_LIBRARY NAMES ev)
mark_as_advanced(LibEv_INCLUDE_DIR LibEv_LIBRARY)
find_package_handle_standard_args(LibEv REQUIRED_VARS LibEv_LIBRARY LibEv_INCLUDE_DIR)

if(LibEv_FOUND AND NOT TARGET LibEv::ev)
  add_library(LibEv::ev UNKNOWN IMPORTED)
  set_target_properties(LibEv::ev PROPERTIES
    IMPORTED_LOCATION "${LibEv_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibEv_INCLUDE_DIR}")
endif()
