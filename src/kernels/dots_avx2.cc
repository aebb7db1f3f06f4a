// dots_isa.inc compiled for avx2.
#define ONWARD_DOT_TABLE dot_avx2
#include "kernels/dots_isa.inc"
