// channel_product_isa.inc compiled for avx2.
#define ONWARD_CHANNEL_PRODUCT_TABLE channel_product_avx2
#include "kernels/channel_product_isa.inc"
