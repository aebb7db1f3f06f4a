// math_isa.inc compiled for avx512.
#define ONWARD_MATH_TABLE math_avx512
#include "kernels/math_isa.inc"
