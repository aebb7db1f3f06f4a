// The functions of normalize.h for one instruction set.
#pragma once
#include "kernels/isa_table.h"
#include "kernels/normalize.h"

namespace ow::kernels {

// First moments of a row less `shift`, summed.
struct RowSums {
  double sum, squares;
};

struct NormalizeTable {
  RowSums (*sums)(const float* x, int64_t n, float shift);
  // y = ((x - shift) - rest) * factor * scale + bias
  void (*apply)(const NormalizeRow& row, float shift, float rest, float factor);
};

ONWARD_ISA_TABLES(NormalizeTable, normalize)

}  // namespace ow::kernels
