# SPDX-License-Identifier: Apache-2.0
#
# systemd's library, by pkg-config. It is optional: without it joinqd tells no service manager anything.

include(FindPackageHandleStandardArgs)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PC_Systemd QUIET libsystemd)

find_path(Systemd_INCLUDE_DIR NAMES systemd/sd-daemon.h HINTS ${PC_Systemd_INCLUDE_DIRS})
find_library(Systemd_LIBRARY NAMES systemd HINTS ${PC_Systemd_LIBRARY_DIRS})
mark_as_advanced(Systemd_INCLUDE_DIR Systemd_LIBRARY)
find_package_handle_standard_args(Systemd REQUIRED_VARS Systemd_LIBRARY Systemd_INCLUDE_DIR
  VERSION_VAR PC_Systemd_VERSION)

if(Systemd_FOUND AND NOT TARGET Systemd::systemd)
  add_library(Systemd::systemd UNKNOWN IMPORTED)
  set_target_properties(Systemd::systemd PROPERTIES
    IMPORTED_LOCATION "${Systemd_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Systemd_INCLUDE_DIR}")
endif()
