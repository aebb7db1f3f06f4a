// resize_isa.inc compiled for avx2.
#define ONWARD_RESIZE_TABLE resize_avx2
#include "kernels/resize_isa.inc"
