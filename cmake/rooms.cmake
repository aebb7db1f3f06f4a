include(cmake/isa.cmake)

# A room is a folder under src/ and one static library. docs/map.md says which room may include which;
# `./dev arrows` holds the includes to it.

add_library(onward_flags INTERFACE)
target_compile_options(onward_flags INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow=local -Werror
  -fno-math-errno -fno-trapping-math $<$<CONFIG:Release>:-g0>)
target_include_directories(onward_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include
  ${PROJECT_BINARY_DIR}/generated)
if(ONWARD_SANITIZE)
  target_compile_options(onward_flags INTERFACE -fsanitize=${ONWARD_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(onward_flags INTERFACE -fsanitize=${ONWARD_SANITIZE})
endif()

# onward_room(<name> [<room it links> ...]): sources are src/<name>/**/*.cc but for *_test.cc, which become
# the test program <name>_test.
function(onward_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(name STREQUAL "ops" AND ONWARD_OPS)
    onward_only_ops(sources tests)
  endif()
  onward_isa_flags(sources)
  list(TRANSFORM ARGN PREPEND onward_)
  add_library(onward_${name} OBJECT ${sources})
  target_link_libraries(onward_${name} PUBLIC onward_flags ${ARGN})
  set_property(GLOBAL APPEND PROPERTY ONWARD_ROOMS onward_${name})
  if(ONWARD_TESTS AND tests)
    set_property(GLOBAL APPEND PROPERTY ONWARD_TEST_ROOMS ${name})
    set_property(GLOBAL PROPERTY ONWARD_TESTS_${name} ${tests})
  endif()
endfunction()

# Keeps src/ops/<stem>.cc only for the stems in ONWARD_OPS; the infrastructure in src/ops/op/ always stays.
function(onward_only_ops sources_var tests_var)
  foreach(var ${sources_var} ${tests_var})
    set(kept "")
    foreach(file ${${var}})
      cmake_path(GET file STEM stem)
      string(REGEX REPLACE "_test$" "" stem "${stem}")
      if(file MATCHES "/src/ops/op/" OR stem IN_LIST ONWARD_OPS)
        list(APPEND kept ${file})
      endif()
    endforeach()
    set(${var} ${kept} PARENT_SCOPE)
  endforeach()
endfunction()

# The list of operator files, for the registry: one line ONWARD_OP_FILE(stem) a file, nothing by hand.
function(onward_list_ops)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/ops/*.cc)
  list(FILTER files EXCLUDE REGEX "_test\\.cc$")
  set(lines "")
  foreach(file ${files})
    cmake_path(GET file STEM stem)
    if(NOT ONWARD_OPS OR stem IN_LIST ONWARD_OPS)
      string(APPEND lines "ONWARD_OP_FILE(${stem})\n")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/op_files.inc CONTENT "${lines}" @ONLY)
endfunction()
