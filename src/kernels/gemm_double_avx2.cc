// gemm_double_isa.inc compiled for avx2.
#define ONWARD_GEMM_DOUBLE_TABLE gemm_double_avx2
#include "kernels/gemm_double_isa.inc"
