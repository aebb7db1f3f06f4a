// transpose_isa.inc compiled for portable.
#define ONWARD_TRANSPOSE_TABLE transpose_portable
#include "kernels/transpose_isa.inc"
