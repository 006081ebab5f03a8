# SPDX-License-Identifier: Apache-2.0
#
# How a test is declared. Every test is a ctest entry of its own, named LABEL.NAME, with a label (the folder
# under tests/) and a time limit.
#
#   joinq_test(NAME put LABEL unit SOURCES put_test.c [LIBS jq_engine...] [TIMEOUT seconds] [ARGS arg...] [ENV N=V...])
#       A cmocka program (target test_<label>_<name>), built and run; its folder's own headers and cmocka are there
#       already. It runs in the build folder of the CMakeLists.txt that calls. TIMEOUT is 60 unless told.
#
#   joinq_script_test(NAME demo LABEL integration COMMAND cmd arg... [TIMEOUT seconds] [ENV N=V...] [SERIAL])
#       Any other command: a script, a program with arguments. Generator expressions such as $<TARGET_FILE:joinqd> may
#       be used in COMMAND and ENV. "python3" as the command is the interpreter that CMake found. SERIAL: never beside another test
#       (for what measures time).
#
#   joinq_fuzzer(NAME frame SOURCES fuzz_frame.c [LIBS jqw...] [CORPUS folder] [TIMEOUT seconds])
#       A libFuzzer entry (LLVMFuzzerTestOneInput). With JOINQ_FUZZ it is built as the fuzzer fuzz_<name>. Without, the
#       same source becomes the plain test fuzz.<name> that feeds it every file of CORPUS (corpus/<name> unless told).

find_package(Python3 REQUIRED COMPONENTS Interpreter)

# What a sanitizer finds ends the test.
set(JOINQ_TEST_ENV
  "ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
  "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1")

function(joinq_add_test name label timeout serial env)
  add_test(NAME ${label}.${name} COMMAND ${ARGN})
  if(NOT timeout)
    set(timeout 60)
  endif()
  set_tests_properties(${label}.${name} PROPERTIES
    LABELS ${label} TIMEOUT ${timeout} RUN_SERIAL "${serial}" ENVIRONMENT "${JOINQ_TEST_ENV};${env}")
endfunction()

function(joinq_check_args function name)
  foreach(required IN LISTS ARGN)
    if(NOT arg_${required})
      message(FATAL_ERROR "${function}(${name}): ${required} is missing")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
endfunction()

function(joinq_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SERIAL" "NAME;LABEL;TIMEOUT" "SOURCES;LIBS;ARGS;ENV")
  joinq_check_args(joinq_test "${arg_NAME}" NAME LABEL SOURCES)
  set(target test_${arg_LABEL}_${arg_NAME})
  add_executable(${target} ${arg_SOURCES})
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${arg_LIBS} Cmocka::cmocka)
  joinq_defaults(${target})
  joinq_add_test(${arg_NAME} ${arg_LABEL} "${arg_TIMEOUT}" "${arg_SERIAL}" "${arg_ENV}" ${target} ${arg_ARGS})
endfunction()

function(joinq_script_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "SERIAL" "NAME;LABEL;TIMEOUT" "COMMAND;ENV")
  joinq_check_args(joinq_script_test "${arg_NAME}" NAME LABEL COMMAND)
  list(POP_FRONT arg_COMMAND first)
  if(first STREQUAL "python3")
    set(first "${Python3_EXECUTABLE}")
  endif()
  joinq_add_test(${arg_NAME} ${arg_LABEL} "${arg_TIMEOUT}" "${arg_SERIAL}" "${arg_ENV}" ${first} ${arg_COMMAND})
endfunction()

function(joinq_fuzzer)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;CORPUS;TIMEOUT" "SOURCES;LIBS")
  joinq_check_args(joinq_fuzzer "${arg_NAME}" NAME SOURCES)
  set(target fuzz_${arg_NAME})
  if(NOT arg_CORPUS)
    set(arg_CORPUS "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${arg_NAME}")
  endif()
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${arg_LIBS})
  joinq_defaults(${target})
  if(JOINQ_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(arguments -runs=0)
  else()
    target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c")
  endif()
  joinq_add_test(${arg_NAME} fuzz "${arg_TIMEOUT}" "" "" ${target} ${arguments} "${arg_CORPUS}")
endfunction()
