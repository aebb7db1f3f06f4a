// gemm_isa.inc compiled for portable.
#define ONWARD_GEMM_TABLE gemm_portable
#include "kernels/gemm_isa.inc"
