// winograd_isa.inc compiled for avx512.
#define ONWARD_WINOGRAD_TABLE winograd_avx512
#include "kernels/winograd_isa.inc"
