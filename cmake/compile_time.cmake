# What keeps builds short: ccache, and precompiled headers.

# Relative paths in what ccache compares, so that the objects of one build folder serve another: that of `pip install .`,
# or a second checkout.
find_program(CCACHE ccache)
if(CCACHE)
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# onward_precompile(<target> <leader> <header>...): reading headers is a third to a half of the time of a build. The
# target <leader> precompiles them, other targets with the same flags share them. Not where files of one target have
# flags of their own (ONWARD_OPS). Builds for other machines (CMakePresets.json) do without, and so find a file that
# forgets an #include.
function(onward_precompile target leader)
  if(ONWARD_OPS)
    return()
  endif()
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)  # for ccache
  if(target STREQUAL leader)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${leader})
  endif()
endfunction()
