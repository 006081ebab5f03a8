# SPDX-License-Identifier: Apache-2.0
#
# The C library of msgpack, whose package and library names differ between releases. Installed with joinq's own
# CMake package too, for programs that link libjoinq.a.

include(FindPackageHandleStandardArgs)

find_path(MsgpackC_INCLUDE_DIR NAMES msgpack.h)
find_library(MsgpackC_LIBRARY NAMES msgpackc msgpack-c)
mark_as_advanced(MsgpackC_INCLUDE_DIR MsgpackC_LIBRARY)
find_package_handle_standard_args(MsgpackC REQUIRED_VARS MsgpackC_LIBRARY MsgpackC_INCLUDE_DIR)

if(MsgpackC_FOUND AND NOT TARGET MsgpackC::msgpackc)
  add_library(MsgpackC::msgpackc UNKNOWN IMPORTED)
  set_target_properties(MsgpackC::msgpackc PROPERTIES
    IMPORTED_LOCATION "${MsgpackC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${MsgpackC_INCLUDE_DIR}")
endif()
