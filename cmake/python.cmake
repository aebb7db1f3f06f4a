# The Python package, built by `pip install .` (pyproject.toml), never by a plain build: the extension module with the
# library in it, and the program. Python files are taken by pyproject.toml.

find_package(Python REQUIRED COMPONENTS Interpreter Development.Module ${SKBUILD_SABI_COMPONENT})
find_package(nanobind CONFIG REQUIRED)

file(GLOB python_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bindings/python/*.cc)
nanobind_add_module(onward_python STABLE_ABI NB_STATIC NB_SUPPRESS_WARNINGS ${python_sources})
target_include_directories(onward_python PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(onward_python PRIVATE onward_all)
set_target_properties(onward_python PROPERTIES OUTPUT_NAME _engine)

install(TARGETS onward_python LIBRARY DESTINATION onward COMPONENT python)
install(TARGETS onward RUNTIME DESTINATION onward/bin COMPONENT python)
install(FILES ${PROJECT_SOURCE_DIR}/apps/colorize/models/ddcolor_demo.onnx DESTINATION onward/share/onward COMPONENT python)
