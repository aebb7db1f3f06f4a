// pool_isa.inc compiled for avx2.
#define ONWARD_POOL_TABLE pool_avx2
#include "kernels/pool_isa.inc"
