// channel_product_isa.inc compiled for avx512.
#define ONWARD_CHANNEL_PRODUCT_TABLE channel_product_avx512
#include "kernels/channel_product_isa.inc"
