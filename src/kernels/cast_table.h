// Conversions of arrays between element types that models cast between most, for one instruction set. 16-bit
// floats are given as their bits. Results are those of tensor/convert.h, but for the payload of a NaN.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

struct CastTable {
  // y[i] = x[i], i < n. Null where this instruction set has nothing better than the plain conversion.
  void (*half_to_float)(const uint16_t* x, int64_t n, float* y);
  void (*float_to_half)(const float* x, int64_t n, uint16_t* y);  // to the nearest, ties to even
  void (*bfloat_to_float)(const uint16_t* x, int64_t n, float* y);
  void (*float_to_bfloat)(const float* x, int64_t n, uint16_t* y);  // to the nearest, ties to even
  void (*bool_to_float)(const uint8_t* x, int64_t n, float* y);     // x is 0 or 1
  void (*float_to_int64)(const float* x, int64_t n, int64_t* y);    // towards 0, saturated, NaN to 0
};

ONWARD_ISA_TABLES(CastTable, cast)

}  // namespace ow::kernels
