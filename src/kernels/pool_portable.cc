// pool_isa.inc compiled for portable.
#define ONWARD_POOL_TABLE pool_portable
#include "kernels/pool_isa.inc"
