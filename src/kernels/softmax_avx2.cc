// softmax_isa.inc compiled for avx2.
#define ONWARD_SOFTMAX_TABLE softmax_avx2
#include "kernels/softmax_isa.inc"
