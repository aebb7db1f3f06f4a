# What `cmake --install` leaves behind: the shared library, its headers, the program, and how CMake
# (find_package(onward)) and pkg-config find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS onward_library EXPORT onward_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/onward DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT onward_targets NAMESPACE onward:: FILE onward-targets.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/onward)

file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/onward-config.cmake
  CONTENT "include(\${CMAKE_CURRENT_LIST_DIR}/onward-targets.cmake)\n" @ONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/onward-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/onward-config.cmake ${PROJECT_BINARY_DIR}/onward-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/onward)

# From the folder of onward.pc up to the prefix, so that an installed tree can be moved.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/onward.pc CONTENT [[
prefix=${pcfiledir}/@to_prefix@
Name: onward
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Cflags: -I${prefix}/@CMAKE_INSTALL_INCLUDEDIR@
Libs: -L${prefix}/@CMAKE_INSTALL_LIBDIR@ -lonward
]] @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/onward.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
