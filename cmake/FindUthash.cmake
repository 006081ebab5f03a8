# SPDX-License-Identifier: Apache-2.0
#
# uthash, which is headers only.

include(FindPackageHandleStandardArgs)

find_path(Uthash_INCLUDE_DIR NAMES uthash.h)
mark_as_advanced(Uthash_INCLUDE_DIR)
find_package_handle_standard_args(Uthash REQUIRED_VARS Uthash_INCLUDE_DIR)

if(Uthash_FOUND AND NOT TARGET Uthash::uthash)
  add_library(Uthash::uthash INTERFACE IMPORTED)
  set_target_properties(Uthash::uthash PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Uthash_INCLUDE_DIR}")
endif()
