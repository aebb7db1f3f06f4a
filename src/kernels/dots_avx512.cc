// dots_isa.inc compiled for avx512.
#define ONWARD_DOT_TABLE dot_avx512
#include "kernels/dots_isa.inc"
