// recurrent_isa.inc compiled for avx512.
#define ONWARD_RECURRENT_TABLE recurrent_avx512
#include "kernels/recurrent_isa.inc"
