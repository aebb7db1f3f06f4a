# WebAssembly with simd128 by Emscripten (Debian's package, or any other: its em++ must be in PATH); what is built runs
# here under node (./dev wasm). Exceptions are WebAssembly's own.
find_program(ONWARD_EMXX em++ REQUIRED)
get_filename_component(emxx ${ONWARD_EMXX} REALPATH)
get_filename_component(emscripten_root ${emxx} DIRECTORY)
set(EMSCRIPTEN_SYSTEM_PROCESSOR wasm32)
# Without fetch: it would take the path of the module for an address.
set(CMAKE_CROSSCOMPILING_EMULATOR "node;--no-experimental-fetch")
include(${emscripten_root}/cmake/Modules/Platform/Emscripten.cmake)

set(CMAKE_C_FLAGS_INIT "-msimd128")
set(CMAKE_CXX_FLAGS_INIT "-msimd128 -fwasm-exceptions -include ${CMAKE_CURRENT_LIST_DIR}/libcxx13.h")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=4GB -sTOTAL_STACK=4MB -sNODERAWFS=1 -sEXIT_RUNTIME=1")
