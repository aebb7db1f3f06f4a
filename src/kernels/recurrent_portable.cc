// recurrent_isa.inc compiled for portable.
#define ONWARD_RECURRENT_TABLE recurrent_portable
#include "kernels/recurrent_isa.inc"
