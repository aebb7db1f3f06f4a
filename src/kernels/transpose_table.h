// Turning of whole squares of 4-byte elements, for one instruction set.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

struct TransposeTable {
  // to[s][d] = from[d][s], s below s_count, d below d_count, both multiples of `side`. Steps in bytes.
  void (*squares)(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t s_count,
                  int64_t d_count);
  int side;
};

ONWARD_ISA_TABLES(TransposeTable, transpose)

}  // namespace ow::kernels
