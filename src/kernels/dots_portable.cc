// dots_isa.inc compiled for portable.
#define ONWARD_DOT_TABLE dot_portable
#include "kernels/dots_isa.inc"
