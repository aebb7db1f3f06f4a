// normalize_isa.inc compiled for avx512.
#define ONWARD_NORMALIZE_TABLE normalize_avx512
#include "kernels/normalize_isa.inc"
