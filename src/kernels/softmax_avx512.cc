// softmax_isa.inc compiled for avx512.
#define ONWARD_SOFTMAX_TABLE softmax_avx512
#include "kernels/softmax_isa.inc"
