// normalize_isa.inc compiled for portable.
#define ONWARD_NORMALIZE_TABLE normalize_portable
#include "kernels/normalize_isa.inc"
