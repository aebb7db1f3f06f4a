// gemm_double_isa.inc compiled for avx512.
#define ONWARD_GEMM_DOUBLE_TABLE gemm_double_avx512
#include "kernels/gemm_double_isa.inc"
