// recurrent_isa.inc compiled for avx2.
#define ONWARD_RECURRENT_TABLE recurrent_avx2
#include "kernels/recurrent_isa.inc"
