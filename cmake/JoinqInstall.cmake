# SPDX-License-Identifier: Apache-2.0
#
# What is installed: the programs, the library in both forms, its header, joinq.pc and the CMake package with
# joinq::joinq (shared) and joinq::joinq_static; manual pages and completions. In the tree the same names are aliases. What the library shows is
# decided here too: joinq_* alone, under a version (libjoinq.map).

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/joinq")
set(generated "${PROJECT_BINARY_DIR}/package")

set_target_properties(joinq_shared PROPERTIES
  OUTPUT_NAME joinq EXPORT_NAME joinq VERSION ${PROJECT_VERSION} SOVERSION 0
  LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/libjoinq.map")
target_link_options(joinq_shared PRIVATE
  "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/libjoinq.map")
if(NOT JOINQ_SANITIZE)
  target_link_options(joinq_shared PRIVATE LINKER:--no-undefined)
endif()
set_target_properties(joinq_static PROPERTIES OUTPUT_NAME joinq EXPORT_NAME joinq_static)

install(TARGETS joinqd joinq_cli RUNTIME)
install(TARGETS joinq_shared joinq_static EXPORT joinq-targets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES libclient/include/joinq.h TYPE INCLUDE)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC)
install(DIRECTORY "${JOINQ_DOCUMENTS}/" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" FILES_MATCHING PATTERN "*.1")
install(FILES docs/man/joinqd.8 DESTINATION "${CMAKE_INSTALL_MANDIR}/man8")
install(FILES "${JOINQD_DOCUMENTS}/joinqd.conf.5" DESTINATION "${CMAKE_INSTALL_MANDIR}/man5")
install(FILES conf/joinqd.conf DESTINATION "${CMAKE_INSTALL_DATADIR}/joinq")
install(FILES "${JOINQ_DOCUMENTS}/joinq.bash" RENAME joinq
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
install(FILES "${JOINQ_DOCUMENTS}/_joinq" DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")

# The service: units, whom it runs as and its folders, and its configuration.
configure_file(conf/systemd/joinqd.service.in "${PROJECT_BINARY_DIR}/package/joinqd.service" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/joinqd.service" conf/systemd/joinqd.socket DESTINATION lib/systemd/system)
install(FILES conf/systemd/joinq.sysusers RENAME joinq.conf DESTINATION lib/sysusers.d)
install(FILES conf/systemd/joinq.tmpfiles RENAME joinq.conf DESTINATION lib/tmpfiles.d)
# What an operator has changed stays.
install(CODE "
  set(to \"${CMAKE_INSTALL_SYSCONFDIR}\")
  if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
    set(to \"${CMAKE_INSTALL_FULL_SYSCONFDIR}\")
  elseif(NOT IS_ABSOLUTE \"\${to}\")
    set(to \"\${CMAKE_INSTALL_PREFIX}/\${to}\")
  endif()
  if(NOT EXISTS \"\$ENV{DESTDIR}\${to}/joinq/joinqd.conf\")
    file(INSTALL \"${PROJECT_SOURCE_DIR}/conf/joinqd.conf\" DESTINATION \"\${to}/joinq\")
  endif()")

install(EXPORT joinq-targets NAMESPACE joinq:: DESTINATION "${package_dir}")
configure_package_config_file(cmake/joinq-config.cmake.in "${generated}/joinq-config.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${generated}/joinq-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${generated}/joinq-config.cmake" "${generated}/joinq-config-version.cmake" cmake/FindMsgpackC.cmake
  DESTINATION "${package_dir}")

# joinq.pc finds its prefix from where it stands, so that the tree can be moved.
file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
cmake_path(GET MsgpackC_LIBRARY STEM msgpack_name)
string(REGEX REPLACE "^lib" "-l" msgpack_flag "${msgpack_name}")
configure_file(cmake/joinq.pc.in "${generated}/joinq.pc" @ONLY)
install(FILES "${generated}/joinq.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
