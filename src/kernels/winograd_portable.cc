// winograd_isa.inc compiled for portable.
#define ONWARD_WINOGRAD_TABLE winograd_portable
#include "kernels/winograd_isa.inc"
