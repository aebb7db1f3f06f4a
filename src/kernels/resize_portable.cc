// resize_isa.inc compiled for portable.
#define ONWARD_RESIZE_TABLE resize_portable
#include "kernels/resize_isa.inc"
