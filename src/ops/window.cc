// BlackmanWindow, HannWindow, HammingWindow: a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n) for i below `size`,
// where n is size (periodic) or size - 1: a symmetric window of one is NaN, as the formula is. Computed in
// double whatever the output type.
#include <cmath>
#include <numbers>

#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  DType output_datatype = DType::kFloat32;
  bool periodic = true;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.output_datatype = a.dtype("output_datatype", DType::kFloat32),
               .periodic = a.flag("periodic", true)};
}

Status infer(const Attrs& a, InferContext& c) {
  const auto* size = c.elements(0);
  const Dim n = size && size->size() == 1 ? (*size)[0] : Dim::unknown();
  if (n.is_constant() && *n.constant() < 0) return c.error("size is ", n, ", expected at least 0");
  c.set(0, a.output_datatype, SymShape{n});
  return {};
}

Status fill(const Attrs& a, RunContext& c, double a0, double a1, double a2) {
  const auto size = ONWARD_TRY(read_ints(c, 0));
  if (size.size() != 1 || size[0] < 0)
    return c.error("size is ", list_text(size), ", expected one number >= 0");
  const int64_t n = size[0];
  Tensor exact = ONWARD_TRY(Tensor::allocate(DType::kFloat64, {n}, c.budget()));
  const double step = 2 * std::numbers::pi / static_cast<double>(a.periodic ? n : n - 1);
  for (int64_t i = 0; i < n; ++i) {
    const double angle = step * static_cast<double>(i);
    // In this order the ends are 0 and the middle 1 to the bit, as integers need it.
    exact.mutable_data<double>()[i] = (a0 + a2 * std::cos(2 * angle)) - a1 * std::cos(angle);
  }
  Tensor y = ONWARD_TRY(c.out(0, a.output_datatype, {n}));
  return convert_into(exact, y);
}

Status run_blackman(const Attrs& a, RunContext& c) { return fill(a, c, 0.42, 0.5, 0.08); }
Status run_hann(const Attrs& a, RunContext& c) { return fill(a, c, 0.5, 0.5, 0); }
Status run_hamming(const Attrs& a, RunContext& c) { return fill(a, c, 25.0 / 46.0, 1.0 - 25.0 / 46.0, 0); }

std::unique_ptr<Op> row(std::string_view name, Status (*run)(const Attrs&, RunContext&)) {
  return op<Attrs>({.name = name, .read = read, .infer = infer, .run = run, .shape_inputs = 1});
}

}  // namespace

ONWARD_OPS(window) {
  return {row("BlackmanWindow", run_blackman), row("HannWindow", run_hann),
          row("HammingWindow", run_hamming)};
}

}  // namespace ow
