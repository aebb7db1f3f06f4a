// onward.Elementwise: what the optimiser makes of a chain or tree of elementwise float32 nodes whose results
// nobody else reads: a tile program (kernels/elementwise_program.h) over its inputs, broadcast as numpy does.
//
//   steps   four integers a step: operator, activation, first and second operand. Operands are the inputs,
//           then the results of the steps; -1 is the step's value
//   values  two floats a step: its value, or alpha and beta of the activation
//
// Its shape is that of all inputs together. The last step makes the output.
#include <algorithm>

#include "kernels/elementwise_program.h"
#include "ops/op/elementwise.h"

namespace ow {
namespace {

using kernels::TileOp;
using kernels::TileStep;

struct Attrs {
  std::vector<TileStep> steps;
  int inputs = 0;
};

// Gives each step but the last a temporary that no later reader still needs; false if there are too few.
bool place_temporaries(Attrs& a) {
  const int count = static_cast<int>(a.steps.size());
  std::vector<int> last(a.steps.size(), -1), place(a.steps.size(), -1);
  for (int i = 0; i < count; ++i)
    for (int k : {a.steps[static_cast<size_t>(i)].a, a.steps[static_cast<size_t>(i)].b})
      if (k >= a.inputs) last[static_cast<size_t>(k - a.inputs)] = i;
  std::vector<int> held(kernels::kTileTemporaries, -1);  // the step whose result is there
  for (int i = 0; i < count; ++i) {
    TileStep& s = a.steps[static_cast<size_t>(i)];
    for (int* k : {&s.a, &s.b})
      if (*k >= a.inputs) *k = a.inputs + place[static_cast<size_t>(*k - a.inputs)];
    for (int& h : held)
      if (h >= 0 && last[static_cast<size_t>(h)] <= i) h = -1;
    if (i + 1 == count) break;
    const auto free = std::find(held.begin(), held.end(), -1);
    if (free == held.end()) return false;
    *free = i;
    s.to = place[static_cast<size_t>(i)] = static_cast<int>(free - held.begin());
  }
  return true;
}

Result<Attrs> read(const AttrReader& reader) {
  const ir::Ints steps = reader.required_integers("steps");
  const ir::Floats values = reader.reals("values");
  Attrs a{.inputs = static_cast<int>(std::min<size_t>(reader.node().inputs().size(), 1000))};
  if (steps.empty() || steps.size() % 4 != 0 || values.size() != steps.size() / 2 ||
      a.inputs > kernels::kTileInputs)
    reader.fail("steps", cat("has ", steps.size(), " integers and ", values.size(), " values for ", a.inputs,
                             " inputs"));
  if (!reader.error().ok()) return a;
  for (size_t i = 0; i < steps.size() / 4; ++i) {
    const int64_t *s = &steps[4 * i], known = a.inputs + static_cast<int64_t>(i);
    const bool binary =
        s[0] >= 0 && s[0] < kernels::kTileOps && kernels::is_binary(static_cast<TileOp>(s[0]));
    if (s[0] < 0 || s[0] >= kernels::kTileOps || s[1] < 0 ||
        s[1] > static_cast<int64_t>(kernels::Activation::kMish) || s[2] < -1 || s[2] >= known || s[3] < -1 ||
        s[3] >= known || (s[2] < 0 && (!binary || s[3] < 0))) {
      reader.fail("steps", cat("has no operators and operands in step ", i));
      return a;
    }
    a.steps.push_back({static_cast<TileOp>(s[0]), static_cast<kernels::Activation>(s[1]),
                       static_cast<int>(s[2]), static_cast<int>(s[3]), values[2 * i], values[2 * i],
                       values[2 * i + 1]});
  }
  if (!place_temporaries(a)) reader.fail("steps", "needs more temporaries than there are");
  return a;
}

Status infer(const Attrs&, InferContext& c) {
  ONWARD_TRY(infer_same_dtype(c));
  return infer_broadcast(c);
}

// Whether each step still has an operand that is no number where those inputs (bit k: input k) are numbers.
bool can_be_numbers(const Attrs& a, uint32_t inputs) {
  return std::all_of(a.steps.begin(), a.steps.end(), [&](const TileStep& s) {
    const auto is_number = [&](int k) { return k < 0 || (k < a.inputs && (inputs >> k & 1) != 0); };
    return !is_number(s.a) || (kernels::is_binary(s.op) && !is_number(s.b));
  });
}

// Some inputs, an element each, take the place of the steps' values. `steps`: a's, or what an earlier call
// left.
void put_numbers(const Attrs& a, uint32_t inputs, std::byte* const* elements, std::vector<TileStep>& steps) {
  const auto put = [&](int k, int& operand, float& value) {
    if (k >= 0 && k < a.inputs && (inputs >> k & 1) != 0) value = *typed<float>(elements[k]), operand = -1;
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    put(a.steps[i].a, steps[i].a, steps[i].value);
    put(a.steps[i].b, steps[i].b, steps[i].value);
  }
}

Status run(const Attrs& a, RunContext& c) {
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, ONWARD_TRY(broadcast_inputs(c, c.inputs()))));
  std::array<const Tensor*, kernels::kTileInputs> inputs;
  for (size_t i = 0; i < c.inputs(); ++i) inputs[i] = &c.in(i);
  const std::span<const Tensor* const> all(inputs.data(), c.inputs());
  const auto run_piece = [&](const std::vector<TileStep>& steps, std::byte* const* p, int64_t n) {
    std::array<const float*, kernels::kTileInputs> from;
    for (size_t i = 0; i < c.inputs(); ++i) from[i] = typed<const float>(p[i + 1]);
    kernels::run_tiles(steps, std::span(from.data(), c.inputs()), typed<float>(p[0]), n);
  };
  const auto as_they_are = [&](std::byte* const* p, int64_t n) { run_piece(a.steps, p, n); };
  if (y.count() <= kCostlyGrain) {
    run_pieces(c, y, all, kCostlyGrain, as_they_are);
    return {};
  }
  const kernels::StridedLoop loop = strided_loop(y, all);
  const uint32_t repeating = loop.repeating(), numbers = can_be_numbers(a, repeating >> 1) ? repeating : 0;
  c.parallel_for(loop.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    if (numbers == 0) return loop.run(begin, end, as_they_are);
    std::vector<TileStep> steps = a.steps;
    const auto with_numbers = [&](std::byte* const* p, int64_t n) {
      put_numbers(a, numbers >> 1, p + 1, steps);
      run_piece(steps, p, n);
    };
    loop.run(begin, end, with_numbers, numbers);
  });
  return {};
}

}  // namespace

ONWARD_OPS(elementwise_program) {
  return {op<Attrs>({.name = "Elementwise",
                     .domain = "onward",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float>,
                     .layout = LayoutRule::kElementwise,
                     .in_place = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0}}})};
}

}  // namespace ow
