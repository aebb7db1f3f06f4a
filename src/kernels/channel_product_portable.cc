// channel_product_isa.inc compiled for portable.
#define ONWARD_CHANNEL_PRODUCT_TABLE channel_product_portable
#include "kernels/channel_product_isa.inc"
