// The transforms of winograd.h for one instruction set, a tile at a time.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

struct WinogradInput {
  const float* const* pixels;  // [(m + 2)^2], row by row
  int64_t channels;
  float* to;     // element (i, c) of the transformed tile at to[i * step + c]; channels rounded up to vectors
  int64_t step;  // are written
};

struct WinogradOutput {
  const float* from;  // element (i, c) at from[i * step + c]; columns rounded up to vectors are readable
  int64_t step, columns;
  const float* bias;             // null: none
  const float* const* residual;  // [m * m], row by row; null: none
  float* const* out;             // [m * m]; null entries lie outside the image
  float low, high;               // bounds of every result
};

struct WinogradWeights {
  const double (*g)[3];  // [m + 2]
  const float* from;     // [9][columns], columns a multiple of the vector
  int64_t columns;
  float* to;  // element (i, j) of column c at to[(i * (m + 2) + j) * step + c]
  int64_t step;
};

struct WinogradTable {
  void (*weights2)(const WinogradWeights& t);
  void (*weights4)(const WinogradWeights& t);
  void (*input2)(const WinogradInput& t);
  void (*input4)(const WinogradInput& t);
  void (*output2)(const WinogradOutput& t);
  void (*output4)(const WinogradOutput& t);
};

ONWARD_ISA_TABLES(WinogradTable, winograd)

}  // namespace ow::kernels
