include(cmake/size.cmake)
include(cmake/isa.cmake)
include(cmake/parts.cmake)

# A room is a folder under src/ and one static library. docs/map.md says which room may include which;
# `./dev arrows` holds the includes to it.

add_library(onward_flags INTERFACE)
target_compile_options(onward_flags INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow=local -Wno-maybe-uninitialized -Wno-missing-field-initializers -Werror
  -fno-math-errno -fno-trapping-math -ffunction-sections -fdata-sections $<$<CONFIG:Release>:-g0>
  $<$<CXX_COMPILER_ID:Clang>:-w>)  # Clang is there for the fuzz targets; GCC's warnings are the ones to mend
target_compile_definitions(onward_flags INTERFACE ONWARD_VERSION="${PROJECT_VERSION}")
target_include_directories(onward_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_BINARY_DIR}/generated)
if(ONWARD_SANITIZE)
  # A null pointer faults by itself; the other three find little here and double the time of a build.
  target_compile_options(onward_flags INTERFACE -fsanitize=${ONWARD_SANITIZE}
    -fno-sanitize=null,object-size,vptr,pointer-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(onward_flags INTERFACE -fsanitize=${ONWARD_SANITIZE})
endif()

# onward_objects(<target> <its sources> [<target it links> ...])
function(onward_objects target sources)
  add_library(${target} OBJECT ${sources})
  target_link_libraries(${target} PUBLIC onward_flags ${ARGN})
  if(target MATCHES "^onward_(ops|passes|runtime)(_cold)?$")
    onward_precompile(${target} onward_ops${CMAKE_MATCH_2} ${PROJECT_SOURCE_DIR}/src/ops/op/op.h)
  endif()
  set_property(GLOBAL APPEND PROPERTY ONWARD_ROOMS ${target})
endfunction()

# onward_room(<name> [<room it links> ...]): sources are src/<name>/**/*.cc but for *_test.cc, which become
# the test program <name>_test.
function(onward_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  onward_only_parts(${name} sources tests)
  if(NOT sources)
    return()
  endif()
  onward_drop_isas(sources)
  onward_isa_flags(sources)
  onward_cold_sources(sources cold)
  list(TRANSFORM ARGN PREPEND onward_)
  onward_objects(onward_${name} "${sources}" ${ARGN})
  if(cold)
    onward_objects(onward_${name}_cold "${cold}" ${ARGN})
    target_compile_options(onward_${name}_cold PRIVATE -Os)
  endif()
  if(ONWARD_TESTS AND tests)
    set_property(GLOBAL APPEND PROPERTY ONWARD_TEST_ROOMS ${name})
    set_property(GLOBAL PROPERTY ONWARD_TESTS_${name} ${tests})
  endif()
endfunction()

# The targets GTest::gtest_main and GTest::gmock: the installed library, or for another machine Debian's sources of it.
function(onward_googletest)
  if(NOT CMAKE_CROSSCOMPILING)
    find_package(GTest REQUIRED)
    return()
  endif()
  set(INSTALL_GTEST OFF CACHE BOOL "" FORCE)
  add_subdirectory(/usr/src/googletest ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
endfunction()

# One static library of all rooms, one shared library with only the public symbols, and the tests of each room.
function(onward_libraries)
  get_property(rooms GLOBAL PROPERTY ONWARD_ROOMS)
  set(objects "")
  foreach(room ${rooms})
    list(APPEND objects $<TARGET_OBJECTS:${room}>)
  endforeach()
  find_package(Threads REQUIRED)
  add_library(onward_all STATIC ${objects})
  target_link_libraries(onward_all PUBLIC onward_flags Threads::Threads)
  if(NOT EMSCRIPTEN)  # where a program is one module
    onward_shared_library("${objects}")
  endif()
  if(NOT ONWARD_TESTS)
    return()
  endif()
  onward_googletest()
  get_property(tested GLOBAL PROPERTY ONWARD_TEST_ROOMS)
  foreach(name ${tested})
    get_property(files GLOBAL PROPERTY ONWARD_TESTS_${name})
    add_executable(${name}_test ${files})
    target_link_libraries(${name}_test PRIVATE onward_all GTest::gtest_main GTest::gmock)
    # GoogleTest's macros hold an if of their own; without braces around them the warning is a false alarm.
    # Emscripten's compiler driver knows no -Og.
    target_compile_options(${name}_test PRIVATE -Wno-dangling-else
                           $<$<CONFIG:Release>:-O$<IF:$<BOOL:${EMSCRIPTEN}>,1,g>>)
    list(GET tested 0 first)
    onward_precompile(${name}_test ${first}_test <gmock/gmock.h> <gtest/gtest.h> ${PROJECT_SOURCE_DIR}/src/ops/op/evaluate.h)
    set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name}_test)
    onward_test_each_isa(${name})
  endforeach()
endfunction()

function(onward_shared_library objects)
  add_library(onward_library SHARED ${objects})
  target_link_libraries(onward_library PRIVATE Threads::Threads -Wl,--gc-sections
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
  onward_size_link(onward_library)
  set_property(TARGET onward_library PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  target_include_directories(onward_library PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
  if(ONWARD_SANITIZE)  # its users bring the runtime, in C too
    target_link_options(onward_library INTERFACE $<BUILD_INTERFACE:-fsanitize=${ONWARD_SANITIZE}>)
  endif()
  set_target_properties(onward_library PROPERTIES OUTPUT_NAME onward EXPORT_NAME onward VERSION ${PROJECT_VERSION} SOVERSION 0
    LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
endfunction()

# The rooms that run kernels are tested once more with each lesser instruction set of x86-64; one that the processor
# lacks is replaced by what it has. (The kernels' own tests take all of them in turn.) Instrumented builds take
# the best one only: theirs would be minutes.
function(onward_test_each_isa room)
  if(ONWARD_SANITIZE OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" OR NOT room MATCHES "^(ops|passes|runtime)$")
    return()
  endif()
  foreach(isa avx2 portable)
    add_test(NAME ${room}_${isa} COMMAND ${room}_test)
    set_tests_properties(${room}_${isa} PROPERTIES ENVIRONMENT ONWARD_ISA=${isa})
  endforeach()
endfunction()
