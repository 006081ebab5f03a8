# SPDX-License-Identifier: Apache-2.0
#
# libConfuse, by pkg-config.

include(FindPackageHandleStandardArgs)
find_package(PkgConfig QUIET)

if(PkgConfig_FOUND)
  pkg_check_modules(Confuse_PC QUIET IMPORTED_TARGET libconfuse)
endif()
find_package_handle_standard_args(Confuse REQUIRED_VARS Confuse_PC_LINK_LIBRARIES VERSION_VAR Confuse_PC_VERSION)

if(Confuse_FOUND AND NOT TARGET Confuse::confuse)
  add_library(Confuse::confuse ALIAS PkgConfig::Confuse_PC)
endif()
