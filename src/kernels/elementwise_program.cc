#include "kernels/elementwise_program.h"

#include <algorithm>
#include <limits>

#include "kernels/elementwise_program_table.h"
#include "kernels/math_table.h"

namespace ow::kernels {
namespace {

// All temporaries together and what is read and written beside them stay in the first-level cache; a tile is
// no smaller than that asks for, as each step of each costs a call and fills the processor's pipelines anew.
constexpr int64_t kTemporaryElements = 4096, kLongestTile = 2048;
int64_t tile_elements(int temporaries) {
  if (temporaries == 0) return std::numeric_limits<int64_t>::max() / 8;  // a single step
  return std::min(kLongestTile, kTemporaryElements / temporaries / 16 * 16);
}

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
  alignas(64) float temporaries[kTemporaryElements];
  int used = 0;
  for (const TileStep& s : steps) used = std::max(used, s.to + 1);
  const int64_t most = tile_elements(used);
  const int first = static_cast<int>(inputs.size());
  for (int64_t i = 0; i < n; i += most) {
    const int64_t some = std::min(most, n - i);
    auto operand = [&](int k) -> const float* {
      if (k < 0) return nullptr;
      return k < first ? inputs[static_cast<size_t>(k)] + i : temporaries + (k - first) * most;
    };
    for (const TileStep& s : steps)
      run_step(s, tile, math, operand(s.a), operand(s.b), s.to < 0 ? out + i : temporaries + s.to * most,
               some);
  }
}

}  // namespace ow::kernels
