// The functions of math.h for one instruction set.
#pragma once
#include "kernels/isa_table.h"
#include "kernels/math.h"

namespace ow::kernels {

struct MathTable {
  using Unary = void (*)(const float* x, float* y, int64_t n);
  Unary exp, log, erf, tanh, sigmoid;
  void (*activate)(Activation activation, float alpha, float beta, const float* x, float* y, int64_t n);
};

ONWARD_ISA_TABLES(MathTable, math)

}  // namespace ow::kernels
