// Every step against plain arithmetic, chains over any length, and an output in the memory of an input.
#include "kernels/elementwise_program.h"

#include <cstring>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

float plain(const TileStep& s, float a, float b) {
  switch (s.op) {
    case TileOp::kAdd:
      return a + b;
    case TileOp::kSub:
      return a - b;
    case TileOp::kMul:
      return a * b;
    case TileOp::kDiv:
      return a / b;
    case TileOp::kNeg:
      return -a;
    case TileOp::kAbs:
      return std::fabs(a);
    case TileOp::kSqrt:
      return std::sqrt(a);
    case TileOp::kReciprocal:
      return 1 / a;
    case TileOp::kSquare:
      return a * a;
    case TileOp::kExp:
      return std::exp(a);
    case TileOp::kLog:
      return std::log(a);
    case TileOp::kErf:
      return std::erf(a);
    case TileOp::kActivate:
      return a < 0 ? s.alpha * a : a;
  }
  return 0;
}

constexpr int64_t kLengths[] = {1, 15, 16, 17, 1023, 2048, 2049, 4700};

TEST(TileProgram, EachStepMatchesPlainArithmetic) {
  for_each_isa([] {
    for (int op = 0; op < kTileOps; ++op)
      for (int form = 0; form < (is_binary(static_cast<TileOp>(op)) ? 3 : 1); ++form)
        for (int64_t n : kLengths) {
          Random random(static_cast<uint64_t>(n));
          auto x = random.floats(n), z = random.floats(n);
          if (static_cast<TileOp>(op) == TileOp::kSqrt || static_cast<TileOp>(op) == TileOp::kLog)
            for (float& v : x) v = std::fabs(v) + 0.01f;
          const TileStep s{static_cast<TileOp>(op),
                           Activation::kLeakyRelu,
                           form == 2 ? -1 : 0,
                           form == 0 && is_binary(static_cast<TileOp>(op)) ? 1
                           : form == 2                                     ? 0
                                                                           : -1,
                           0.75f,
                           0.25f};
          const float* inputs[] = {x.data(), z.data()};
          std::vector<float> y(static_cast<size_t>(n));
          run_tiles({&s, 1}, inputs, y.data(), n);
          for (size_t i = 0; i < y.size(); ++i) {
            const float a = form == 2 ? s.value : x[i], b = form == 0 ? z[i] : form == 1 ? s.value : x[i];
            const float want = plain(s, a, b);
            ASSERT_NEAR(y[i], want, 1e-6f * (1 + std::fabs(want))) << "step " << op << ", element " << i;
          }
        }
  });
}

TEST(TileProgram, ChainsRunInOrderAndInPlace) {
  for_each_isa([] {
    for (int64_t n : kLengths) {
      Random random(static_cast<uint64_t>(n) + 9);
      const auto x = random.floats(n), z = random.floats(n);
      // ((x * 1.5 + z) - |x|) * (x * 1.5 + z), into the memory of x.
      const TileStep steps[] = {{.op = TileOp::kMul, .a = 0, .b = -1, .value = 1.5f, .to = 0},
                                {.op = TileOp::kAdd, .a = 2, .b = 1, .to = 1},
                                {.op = TileOp::kAbs, .a = 0, .to = 0},
                                {.op = TileOp::kSub, .a = 3, .b = 2, .to = 2},
                                {.op = TileOp::kMul, .a = 4, .b = 3}};
      auto y = x;
      const float* inputs[] = {y.data(), z.data()};
      run_tiles(steps, inputs, y.data(), n);
      for (size_t i = 0; i < y.size(); ++i) {
        const float sum = x[i] * 1.5f + z[i];
        ASSERT_NEAR(y[i], (sum - std::fabs(x[i])) * sum, 1e-5f) << i;
      }
    }
  });
}

}  // namespace
}  // namespace ow::kernels
