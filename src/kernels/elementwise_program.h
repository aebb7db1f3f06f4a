// A tile program: several elementwise float32 operators, one after the other, over tiles that stay in the
// first-level cache, so that a chain or tree of them reads its inputs and writes its output once.
//
// Every step makes one operand out of one or two: an input of the program, what an earlier step made, or for
// the second (first) operand of arithmetic the step's own value. Each step rounds as the operator alone does.
#pragma once
#include <cstdint>
#include <span>

#include "kernels/math.h"

namespace ow::kernels {

enum class TileOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kNeg,
  kAbs,
  kSqrt,
  kReciprocal,
  kSquare,
  kExp,
  kLog,
  kErf,
  kActivate,  // with alpha and beta
};
inline constexpr int kTileOps = static_cast<int>(TileOp::kActivate) + 1;
inline constexpr bool is_binary(TileOp op) { return op <= TileOp::kDiv; }

struct TileStep {
  TileOp op = TileOp::kAdd;
  Activation activation = Activation::kNone;
  // Operands: below the number of inputs that input, else the temporary of that number behind them. -1: the
  // value in its place (of one of the two in arithmetic; b of all others).
  int a = 0, b = -1;
  float value = 0, alpha = 0, beta = 0;
  int to = -1;  // the temporary that it makes; -1: the output (the last step, and no other)
};

inline constexpr int kTileInputs = 7, kTileTemporaries = 8;

// n elements of each input and of `out`, which may be the memory of one input. Operands are in range, and
// there are at most kTileInputs and kTileTemporaries of them.
void run_tiles(std::span<const TileStep> steps, std::span<const float* const> inputs, float* out, int64_t n);

}  // namespace ow::kernels
