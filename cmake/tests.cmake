# Test programs that are no unit tests of a room, and benchmarks: bench/<name>_bench.cc is the program
# <name>_bench, built when asked for (./dev bench <name>); onward_worker sees only what users see, and reads pictures as
# the program does.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
if(ONWARD_TESTS)
  add_executable(onnx_roundtrip ${PROJECT_SOURCE_DIR}/tests/onnx_roundtrip.cc)
  target_link_libraries(onnx_roundtrip PRIVATE onward_all)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/conformance)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/hostile)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/faults)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/numerics)
endif()

if(ONWARD_TESTS OR ONWARD_FUZZ)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/fuzz)
endif()

file(GLOB benchmarks CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*_bench.cc)
foreach(file ${benchmarks})
  cmake_path(GET file STEM stem)
  add_executable(${stem} EXCLUDE_FROM_ALL ${file})
  target_link_libraries(${stem} PRIVATE onward_all)
endforeach()

if(ONWARD_TESTS)
  add_executable(onward_worker ${PROJECT_SOURCE_DIR}/bench/onward_worker.cc)
  target_link_libraries(onward_worker PRIVATE onward_apps onward_library)
  target_compile_options(onward_worker PRIVATE -Wall -Wextra -Werror)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(abi_flags "")
  if(ONWARD_SANITIZE)
    set(abi_flags --flag=-fsanitize=${ONWARD_SANITIZE})
  endif()
  add_test(NAME abi COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/abi/check.py --build ${PROJECT_BINARY_DIR} ${abi_flags})
  if(NOT ONWARD_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release")
    add_test(NAME size COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/scripts/library_size.py $<TARGET_FILE:onward_library>)
  endif()
  if(NOT ONWARD_SANITIZE)  # a user's project does not link a sanitizer's runtime
    add_test(NAME install COMMAND ${PROJECT_SOURCE_DIR}/tests/install/test.sh ${PROJECT_BINARY_DIR}
      ${PROJECT_SOURCE_DIR}/tests/install/tiny.onnx)
  endif()
endif()
