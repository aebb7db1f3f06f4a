// cast_isa.inc compiled for avx2.
#define ONWARD_CAST_TABLE cast_avx2
#include "kernels/cast_isa.inc"
