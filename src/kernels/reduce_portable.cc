// reduce_isa.inc compiled for portable.
#define ONWARD_REDUCE_TABLE reduce_portable
#include "kernels/reduce_isa.inc"
