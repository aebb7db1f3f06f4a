// tile_isa.inc compiled for portable.
#define ONWARD_TILE_TABLE tile_portable
#include "kernels/tile_isa.inc"
