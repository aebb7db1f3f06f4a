// elementwise_program_isa.inc compiled for avx2.
#define ONWARD_TILE_TABLE tile_avx2
#include "kernels/elementwise_program_isa.inc"
