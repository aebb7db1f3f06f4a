// softmax_isa.inc compiled for portable.
#define ONWARD_SOFTMAX_TABLE softmax_portable
#include "kernels/softmax_isa.inc"
