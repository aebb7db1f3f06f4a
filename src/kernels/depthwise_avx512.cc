// depthwise_isa.inc compiled for avx512.
#define ONWARD_DEPTHWISE_TABLE depthwise_avx512
#include "kernels/depthwise_isa.inc"
