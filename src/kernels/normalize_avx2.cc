// normalize_isa.inc compiled for avx2.
#define ONWARD_NORMALIZE_TABLE normalize_avx2
#include "kernels/normalize_isa.inc"
