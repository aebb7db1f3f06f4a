# Kernel files named *_portable.cc, *_avx2.cc and *_avx512.cc compile the same code for different instruction
# sets. They share no inline function with other files, so none of their code can be linked in elsewhere.

# onward_isa_flags(<list variable of sources>): sets the flags by suffix; drops the x86 files on other machines.
function(onward_isa_flags sources_var)
  set(sources ${${sources_var}})
  set(optimize -O3)
  if(ONWARD_SANITIZE)
    set(optimize -O1)
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(avx2 -mavx2 -mfma -mf16c)
    set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq -mprefer-vector-width=512)
  else()
    list(FILTER sources EXCLUDE REGEX "_avx(2|512)\\.cc$")
  endif()
  foreach(file ${sources})
    if(file MATCHES "_(portable|avx2|avx512)\\.cc$")
      set_source_files_properties(${file} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON
        COMPILE_OPTIONS "${optimize};-ffp-contract=fast;-Wno-psabi;${${CMAKE_MATCH_1}}")
    elseif(file MATCHES "/src/kernels/")
      set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS ${optimize})
    endif()
  endforeach()
  set(${sources_var} ${sources} PARENT_SCOPE)
endfunction()
