# Programs over the library: the applications (apps/), the command-line program (tools/) and the examples. They
# see the library through include/onward; the program's toolchain commands also see src/.

include(GNUInstallDirs)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(TIFF 4.5 REQUIRED)  # error handlers of a file, not of the process
find_package(PkgConfig REQUIRED)  # Debian's CMake files of OpenJPEG ask for its programs, too
pkg_check_modules(webp REQUIRED IMPORTED_TARGET libwebp libwebpdemux)
pkg_check_modules(openjpeg REQUIRED IMPORTED_TARGET libopenjp2)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)

# onward_split(<prefix> <folder>): the folder's sources and tests, in <prefix>_sources and <prefix>_tests.
function(onward_split prefix folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(${prefix}_sources ${sources} PARENT_SCOPE)
  set(${prefix}_tests ${tests} PARENT_SCOPE)
endfunction()

# onward_program_test(<name> <sources> <library>...): a GoogleTest program beside those of the rooms.
function(onward_program_test name sources)
  if(ONWARD_TESTS)
    add_executable(${name}_test ${sources})
    target_link_libraries(${name}_test PRIVATE ${ARGN} onward_all GTest::gtest_main GTest::gmock)
    set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
endfunction()

onward_split(apps apps)
add_library(onward_apps STATIC ${apps_sources})
target_include_directories(onward_apps PUBLIC ${PROJECT_SOURCE_DIR})
target_link_libraries(onward_apps PUBLIC onward_flags PRIVATE JPEG::JPEG PNG::PNG TIFF::TIFF PkgConfig::webp
  PkgConfig::openjpeg)
onward_program_test(apps "${apps_tests}" onward_apps JPEG::JPEG PNG::PNG)

onward_split(tools tools)
list(REMOVE_ITEM tools_sources ${PROJECT_SOURCE_DIR}/tools/main.cc)
add_library(onward_tools STATIC ${tools_sources})
target_link_libraries(onward_tools PUBLIC onward_apps onward_flags nlohmann_json::nlohmann_json CLI11::CLI11
  PRIVATE ZLIB::ZLIB)
target_compile_options(onward_tools PRIVATE $<$<CONFIG:Release>:-Os>)  # parsing of arguments and reports
onward_precompile(onward_tools onward_tools <CLI/CLI.hpp> <nlohmann/json.hpp> ${PROJECT_SOURCE_DIR}/include/onward/onward.hpp)
onward_program_test(tools "${tools_tests}" onward_tools)

# The program; the library of the same name is the target onward_library.
add_executable(onward ${PROJECT_SOURCE_DIR}/tools/main.cc)
target_link_libraries(onward PRIVATE onward_tools onward_apps onward_all)
set_target_properties(onward PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

# The program, and the model that it colours with when it is given none.
install(TARGETS onward RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_SOURCE_DIR}/apps/colorize/models/ddcolor_demo.onnx DESTINATION ${CMAKE_INSTALL_DATADIR}/onward)

# Examples see what a user sees: the shared library and its headers.
if(ONWARD_TESTS)
  foreach(example hello.c classify.cpp segment.cpp embed.cpp serve.cpp buffers.c)
    cmake_path(GET example STEM stem)
    add_executable(example_${stem} ${PROJECT_SOURCE_DIR}/examples/${example})
    target_link_libraries(example_${stem} PRIVATE onward_library)
    target_compile_options(example_${stem} PRIVATE -Wall -Wextra -Werror)
    set_target_properties(example_${stem} PROPERTIES
      OUTPUT_NAME ${stem} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  endforeach()
  target_link_libraries(example_segment PRIVATE PNG::PNG)
  target_link_libraries(example_serve PRIVATE Threads::Threads)
endif()
