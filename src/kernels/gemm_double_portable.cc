// gemm_double_isa.inc compiled for portable.
#define ONWARD_GEMM_DOUBLE_TABLE gemm_double_portable
#include "kernels/gemm_double_isa.inc"
