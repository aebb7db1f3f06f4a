# What of the library is compiled for size. Kernels are at -O3 (isa.cmake), the rest at -O2, but for these lists:
#
# Cold files (-Os, about half as large): what reads, checks, reports and rewrites models, and operators without a loop
# over elements of their own: they move whole blocks, call kernels, or work on strings, sizes and single numbers.
#
# Warm files (-O2; -Os in a build of some operators, ONWARD_OPS): what every run or load passes through but what does
# not spend the time itself.
#
# Whatever loops over elements in plain code is in neither list.
#
# A build of some operators is optimised as a whole when it is linked, all but the kernels of instruction sets: those
# share no function with other files, and must not. What is there for any type at run time (-fno-rtti) or for
# interrupts in the middle of a function (-fno-asynchronous-unwind-tables) is left out of it; exceptions are not.

set(ONWARD_COLD_base json log machine status text)
set(ONWARD_COLD_ir schema type)
set(ONWARD_COLD_onnx external_data file text wire_write)
set(ONWARD_COLD_passes axis_groups cost eliminate_identity export export_value fold fold_constants fuse_activation fuse_attention
  fuse_batch_norm fuse_channel_product fuse_channel_shuffle fuse_depthwise fuse_elementwise fuse_expand fuse_gelu
  fuse_layer_norm fuse_matmul fuse_pad fuse_pointwise fuse_residual fuse_scale import_overrides inspect lower make_views
  missed pipeline simplify widen)
set(ONWARD_COLD_passes/check attribute check constraints external_data function graph inference meaning model node tensor
  tensor_lint training type)
set(ONWARD_COLD_runtime c_api c_api_container c_api_image c_api_model c_api_optimize c_api_options c_api_report
  c_api_session model plan profiler)
set(ONWARD_COLD_ops
  # control flow, containers, strings, and what only says shapes
  constant constant_of_shape flatten gradient identity if loop optional reshape scan sequence sequence_map
  sequence_split shape squeeze unsqueeze
  regex_full_match string_concat string_normalizer string_split tf_idf_vectorizer tokenizer
  # ai.onnx.ml (the trees themselves are in op/tree), ai.onnx.training
  array_feature_extractor binarizer cast_map category_mapper dict_vectorizer feature_vectorizer imputer
  label_encoder linear_classifier linear_regressor normalizer one_hot_encoder optimizer scaler svm_classifier
  svm_regressor tree_ensemble_classifier tree_ensemble_regressor zip_map
  # few numbers
  affine_grid bernoulli bit_cast center_crop_pad det dropout experimental eye_like image_decoder likelihood_loss
  max_roi_pool mel_weight_matrix multinomial random range sparse_to_dense_matmul tensor_scatter window
  # one call of a kernel
  fused_matmul pool)
set(ONWARD_COLD_ops/op attributes contrib decode_image evaluate features feedback gradient gradient_activations
  gradient_attention gradient_moves gradient_normalizations gradient_rules gradient_windows infer
  inverse_fft_single join regex regex_parse registry rewrite text_case tree_read tuning widen)

set(ONWARD_WARM_base budget file stop task_queue thread_pool)
set(ONWARD_WARM_ir graph patch)
set(ONWARD_WARM_kernels conv conv_transpose cpu dots gemm gemm_generic math pool winograd)
set(ONWARD_WARM_onnx element_type tensor_data wire_read)
set(ONWARD_WARM_passes import import_value infer match)
set(ONWARD_WARM_runtime binding c_api_context c_api_value executor join prepare session)
set(ONWARD_WARM_tensor alignment convert dim dtype memory_source shape tensor)
set(ONWARD_WARM_ops attention batch_normalization bias_gelu causal_conv_with_state channel_product channel_shuffle concat
  conv conv_depthwise conv_integer conv_transpose depth_to_space dynamic_quantize_linear elementwise_program expand
  flex_attention gather gather_nd gemm global_pool group_normalization group_query_attention gru layer_normalization
  linear_attention lstm matmul matmul_integer mean_variance_normalization multi_head_attention pad quantize_linear rnn
  rotary_embedding rotary_embedding_by_position scatter_elements scatter_nd skip_layer_normalization slice softmax split
  tile transpose)
set(ONWARD_WARM_ops/op conv_search convolution elementwise elements fused image matrix move quantization recurrent
  resize_axis run scatter stored_weights window)

# onward_size_link(<target>): the shared library of a build of some operators.
function(onward_size_link target)
  if(ONWARD_OPS AND NOT ONWARD_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_link_options(${target} PRIVATE -flto -flto-partition=one -Wl,-z,noseparate-code)
  endif()
endfunction()

# onward_cold_sources(<list variable of sources> <list variable>): takes the cold files out into the second list, in a
# build for speed; the kernels room has flags of its own. In a build of some operators every file gets its flags instead.
function(onward_cold_sources sources_var cold_var)
  set(${cold_var} "" PARENT_SCOPE)
  if(ONWARD_SANITIZE OR NOT CMAKE_BUILD_TYPE STREQUAL "Release" OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    return()
  endif()
  set(rest "")
  set(cold "")
  foreach(file ${${sources_var}})
    string(REGEX REPLACE "^.*/src/(.*)/[^/]*$" "\\1" folder "${file}")
    cmake_path(GET file STEM stem)
    if(ONWARD_OPS)
      onward_small_flags("${file}" "${folder}" "${stem}")
    elseif(stem IN_LIST ONWARD_COLD_${folder})
      list(APPEND cold ${file})
      continue()
    endif()
    list(APPEND rest ${file})
  endforeach()
  set(${sources_var} ${rest} PARENT_SCOPE)
  set(${cold_var} ${cold} PARENT_SCOPE)
endfunction()

function(onward_small_flags file folder stem)
  set(flags "")
  if(stem IN_LIST ONWARD_COLD_${folder} OR stem IN_LIST ONWARD_WARM_${folder})
    set(flags -Os)
  elseif(folder STREQUAL "kernels")
    set(flags -O2)
  endif()
  if(NOT file MATCHES "_(portable|avx2|avx512)\\.cc$")
    set_source_files_properties(${file} PROPERTIES
      COMPILE_OPTIONS "${flags};-flto;-fno-rtti;-fno-asynchronous-unwind-tables")
  endif()
endfunction()
