# SPDX-License-Identifier: Apache-2.0
#
# How a folder declares what it builds.
#
#   joinq_defaults(TARGET)
#       Gives a target of any kind the project's flags (privately, and not to users of an installed library).
#
#   joinq_library(TARGET SOURCES file... [PUBLIC lib...] [PRIVATE lib...])
#       A static library of the folder that calls it. Its own folder is on the include path of whoever links it;
#       PUBLIC and PRIVATE are what it may use.
#
#   joinq_program(TARGET SOURCES file... [LIBS lib...] [OUTPUT_NAME name])
#       A program that is installed; in the build tree it stands in bin/ under its output name. (A tool of the tests
#       is a plain add_executable() with joinq_defaults(), and stands in its folder.)
#
#   joinq_absorb(TARGET OBJECTS)
#       Takes the objects of an OBJECT library into TARGET, with its include path for compiling, so that the
#       result is self-contained and nothing of OBJECTS appears in the installed package.

function(joinq_defaults target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:joinq_build_flags>)
endfunction()

function(joinq_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;PUBLIC;PRIVATE")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "joinq_library(${target}): what is '${arg_UNPARSED_ARGUMENTS}', or no SOURCES")
  endif()
  add_library(${target} STATIC ${arg_SOURCES})
  target_include_directories(${target} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  joinq_defaults(${target})
endfunction()

function(joinq_program target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT_NAME" "SOURCES;LIBS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "joinq_program(${target}): what is '${arg_UNPARSED_ARGUMENTS}', or no SOURCES")
  endif()
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${arg_LIBS})
  joinq_defaults(${target})
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  if(arg_OUTPUT_NAME)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${arg_OUTPUT_NAME})
  endif()
endfunction()

function(joinq_absorb target objects)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  target_include_directories(${target} PRIVATE $<TARGET_PROPERTY:${objects},INTERFACE_INCLUDE_DIRECTORIES>)
endfunction()
