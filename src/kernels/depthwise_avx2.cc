// depthwise_isa.inc compiled for avx2.
#define ONWARD_DEPTHWISE_TABLE depthwise_avx2
#include "kernels/depthwise_isa.inc"
