# SPDX-License-Identifier: Apache-2.0
#
# How everything is compiled: one interface target, joinq_build_flags, that every target of the project links
# privately (joinq_library() and its siblings in JoinqTargets.cmake do it). Nothing here is global except the
# C standard and the meaning of the build types.

include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Release keeps its assertions (no NDEBUG) and its debug information.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g3")
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

add_library(joinq_build_flags INTERFACE)
target_compile_definitions(joinq_build_flags INTERFACE _GNU_SOURCE)
target_compile_options(joinq_build_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
  -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2
  -fno-common -fno-plt -fstack-protector-strong)
target_link_options(joinq_build_flags INTERFACE LINKER:-z,relro,-z,now,-z,noexecstack)

if(JOINQ_WERROR)
  target_compile_options(joinq_build_flags INTERFACE -Werror)
endif()

if(JOINQ_SANITIZE)
  set(sanitize -fsanitize=${JOINQ_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(joinq_build_flags INTERFACE ${sanitize})
  target_link_options(joinq_build_flags INTERFACE ${sanitize})
elseif(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$")
  # What makes a bug harder to use; lint.hardening reads from the binaries that it is there. Whatever a distribution
  # defines by itself is replaced.
  target_compile_options(joinq_build_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-clash-protection)
  foreach(flag IN ITEMS -fcf-protection=full -mbranch-protection=standard) # of x86 and of ARM
    string(MAKE_C_IDENTIFIER "JOINQ_HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
      target_compile_options(joinq_build_flags INTERFACE ${flag})
    endif()
  endforeach()
endif()

if(JOINQ_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "JOINQ_FUZZ needs clang: use the preset fuzz")
  endif()
  target_compile_options(joinq_build_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(joinq_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
