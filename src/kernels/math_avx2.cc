// math_isa.inc compiled for avx2.
#define ONWARD_MATH_TABLE math_avx2
#include "kernels/math_isa.inc"
