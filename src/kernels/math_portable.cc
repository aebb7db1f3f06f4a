// math_isa.inc compiled for portable.
#define ONWARD_MATH_TABLE math_portable
#include "kernels/math_isa.inc"
