# Test programs that are no unit tests of a room.
if(ONWARD_TESTS)
  add_executable(onnx_roundtrip ${PROJECT_SOURCE_DIR}/tests/onnx_roundtrip.cc)
  target_link_libraries(onnx_roundtrip PRIVATE onward_all)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/conformance)
endif()

add_executable(gemm_bench EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/bench/gemm_bench.cc)
target_link_libraries(gemm_bench PRIVATE onward_all)
