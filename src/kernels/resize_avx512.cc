// resize_isa.inc compiled for avx512.
#define ONWARD_RESIZE_TABLE resize_avx512
#include "kernels/resize_isa.inc"
