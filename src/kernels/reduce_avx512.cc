// reduce_isa.inc compiled for avx512.
#define ONWARD_REDUCE_TABLE reduce_avx512
#include "kernels/reduce_isa.inc"
