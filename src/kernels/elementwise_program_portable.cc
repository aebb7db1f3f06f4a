// elementwise_program_isa.inc compiled for portable.
#define ONWARD_TILE_TABLE tile_portable
#include "kernels/elementwise_program_isa.inc"
