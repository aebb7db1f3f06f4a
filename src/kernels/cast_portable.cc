// cast_isa.inc compiled for portable.
#define ONWARD_CAST_TABLE cast_portable
#include "kernels/cast_isa.inc"
