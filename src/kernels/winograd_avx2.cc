// winograd_isa.inc compiled for avx2.
#define ONWARD_WINOGRAD_TABLE winograd_avx2
#include "kernels/winograd_isa.inc"
