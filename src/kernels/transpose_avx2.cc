// transpose_isa.inc compiled for avx2.
#define ONWARD_TRANSPOSE_TABLE transpose_avx2
#include "kernels/transpose_isa.inc"
