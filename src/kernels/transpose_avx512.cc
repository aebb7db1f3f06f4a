// transpose_isa.inc compiled for avx512.
#define ONWARD_TRANSPOSE_TABLE transpose_avx512
#include "kernels/transpose_isa.inc"
