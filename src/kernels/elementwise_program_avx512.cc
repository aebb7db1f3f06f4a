// elementwise_program_isa.inc compiled for avx512.
#define ONWARD_TILE_TABLE tile_avx512
#include "kernels/elementwise_program_isa.inc"
