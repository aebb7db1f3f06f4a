// pool_isa.inc compiled for avx512.
#define ONWARD_POOL_TABLE pool_avx512
#include "kernels/pool_isa.inc"
