// The transforms of winograd.h for one instruction set, a tile at a time.
#pragma once
#include "kernels/isa_table.h"

namespace ow::kernels {

inline constexpr int kMaxWinogradTaps = 7, kMaxWinogradPoints = 8, kMaxWinogradOutputs = 6;
// At stride 2 the last three of 7 products of a line have the same weights.
inline constexpr int kStrideTwoPoints = 7, kStrideTwoWeights = 5, kStrideTwoOutputs = 3;

// The points of so many (4, 6 or 8) beside 0 and infinity: each stands for itself and its negative.
constexpr const double* winograd_points(int count);

struct WinogradInput {
  const float* const* pixels;  // [n * n], row by row
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

struct WinogradKernels {
  const float* from;  // element (tap, k, c) at from[tap * tap_step + k * kernel_step + c]
  int64_t kernels, columns, tap_step, kernel_step;  // columns: a multiple of the panels' step
  float* to;  // element (i, j) of column c of kernel k at to[(i * n + j) * step + k * columns + c]
  int64_t step;
};

struct WinogradTransforms {
  void (*kernels)(const WinogradKernels& t);          // rounded once: computed in double
  void (*kernels_quickly)(const WinogradKernels& t);  // computed in float
  void (*input)(const WinogradInput& t);
  void (*output)(const WinogradOutput& t);
};

struct WinogradTable {
  WinogradTransforms unit_stride[3][3];  // [(r - 3) / 2][(m - 2) / 2]; null where n is more than 8
  WinogradTransforms stride_two;
};

ONWARD_ISA_TABLES(WinogradTable, winograd)

namespace winograd_values {
inline constexpr double k4[] = {1}, k6[] = {0.625, 1.5}, k8[] = {0.5, 1, 2};
}

constexpr const double* winograd_points(int count) {
  return count == 4 ? winograd_values::k4 : count == 6 ? winograd_values::k6 : winograd_values::k8;
}

}  // namespace ow::kernels
