#include "kernels/elementwise_program.h"

#include <algorithm>

#include "kernels/elementwise_program_table.h"
#include "kernels/math_table.h"

namespace ow::kernels {
namespace {

void run_step(const TileStep& s, const TileTable& tile, const MathTable& math, const float* a, const float* b,
              float* y, int64_t n) {
  if (is_binary(s.op)) return tile.arithmetic(s, a, b, y, n);
  switch (s.op) {
    case TileOp::kExp:
      return math.exp(a, y, n);
    case TileOp::kLog:
      return math.log(a, y, n);
    case TileOp::kErf:
      return math.erf(a, y, n);
    case TileOp::kActivate:
      return math.activate(s.activation, s.alpha, s.beta, a, y, n);
    default:
      return tile.simple(s.op, a, y, n);
  }
}

}  // namespace

void run_tiles(std::span<const TileStep> steps, std::span<const float* const> inputs, float* out, int64_t n) {
  const Isa isa = best_isa();
  const TileTable& tile = tile_table(isa);
  const MathTable& math = math_table(isa);
  alignas(64) float temporaries[kTileTemporaries][kTileElements];
  const int first = static_cast<int>(inputs.size());
  for (int64_t i = 0; i < n; i += kTileElements) {
    const int64_t some = std::min(kTileElements, n - i);
    auto operand = [&](int k) -> const float* {
      if (k < 0) return nullptr;
      return k < first ? inputs[static_cast<size_t>(k)] + i : temporaries[k - first];
    };
    for (const TileStep& s : steps)
      run_step(s, tile, math, operand(s.a), operand(s.b), s.to < 0 ? out + i : temporaries[s.to], some);
  }
}

}  // namespace ow::kernels
