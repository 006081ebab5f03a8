# SPDX-License-Identifier: Apache-2.0
#
# Intel's storage library (CRC-32C), by pkg-config.

include(FindPackageHandleStandardArgs)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PC_Isal QUIET libisal)

find_path(Isal_INCLUDE_DIR NAMES isa-l/crc.h HINTS ${PC_Isal_INCLUDE_DIRS})
find_library(Isal_LIBRARY NAMES isal HINTS ${PC_Isal_LIBRARY_DIRS})
mark_as_advanced(Isal_INCLUDE_DIR Isal_LIBRARY)
find_package_handle_standard_args(Isal REQUIRED_VARS Isal_LIBRARY Isal_INCLUDE_DIR VERSION_VAR PC_Isal_VERSION)

if(Isal_FOUND AND NOT TARGET Isal::isal)
  add_library(Isal::isal UNKNOWN IMPORTED)
  set_target_properties(Isal::isal PROPERTIES
    IMPORTED_LOCATION "${Isal_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Isal_INCLUDE_DIR}")
endif()
