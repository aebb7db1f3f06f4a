// The steps of a tile program, for one instruction set.
#pragma once
#include "kernels/elementwise_program.h"
#include "kernels/isa_table.h"

namespace ow::kernels {

struct TileTable {
  // Arithmetic: y[i] = a[i] op b[i]; a null operand stands for the step's value. y may be a or b.
  void (*arithmetic)(const TileStep& s, const float* a, const float* b, float* y, int64_t n);
  // kNeg to kSquare.
  void (*simple)(TileOp op, const float* x, float* y, int64_t n);
};

ONWARD_ISA_TABLES(TileTable, tile)

}  // namespace ow::kernels
