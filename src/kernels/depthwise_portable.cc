// depthwise_isa.inc compiled for portable.
#define ONWARD_DEPTHWISE_TABLE depthwise_portable
#include "kernels/depthwise_isa.inc"
