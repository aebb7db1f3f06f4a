// gemm_isa.inc compiled for avx2.
#define ONWARD_GEMM_TABLE gemm_avx2
#include "kernels/gemm_isa.inc"
