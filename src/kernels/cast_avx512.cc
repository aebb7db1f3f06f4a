// cast_isa.inc compiled for avx512.
#define ONWARD_CAST_TABLE cast_avx512
#include "kernels/cast_isa.inc"
