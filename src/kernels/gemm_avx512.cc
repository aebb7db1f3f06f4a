// gemm_isa.inc compiled for avx512.
#define ONWARD_GEMM_TABLE gemm_avx512
#include "kernels/gemm_isa.inc"
