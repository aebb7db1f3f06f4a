// reduce_isa.inc compiled for avx2.
#define ONWARD_REDUCE_TABLE reduce_avx2
#include "kernels/reduce_isa.inc"
