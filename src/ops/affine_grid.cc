// AffineGrid: grid[n, .., :] = theta[n] * (.., y, x, 1) over the pixels of an image of size (N, C, H, W) or
// (N, C, D, H, W): the sampling positions that GridSample takes, x first.
//
// Pixel i of n lies at (2 i + 1) / n - 1, or with align_corners at 2 i / (n - 1) - 1; an axis of one aligned
// pixel lies in the middle, 0, as in PyTorch.
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool align_corners = false;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.flag("align_corners", false)}; }

Status infer(const Attrs&, InferContext& c) {
  const SymShape* theta = c.shape(0);
  const auto* size = c.elements(1);
  if (theta && theta->size() != 3) return c.error("theta is ", list_text(*theta), ", expected rank 3");
  if (size && size->size() != 4 && size->size() != 5)
    return c.error("size has ", size->size(), " values, expected 4 (N, C, H, W) or 5 (N, C, D, H, W)");
  if (!size) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  SymShape grid{(*size)[0]};
  grid.insert(grid.end(), size->begin() + 2, size->end());
  grid.push_back(static_cast<int64_t>(size->size()) - 2);
  c.set(0, c.dtype(0), std::move(grid));
  return {};
}

template <class T>
T position(int64_t i, int64_t n, bool align_corners) {
  const double at = static_cast<double>(i), extent = static_cast<double>(n);
  if (align_corners) return n == 1 ? T(0) : static_cast<T>(2 * at / (extent - 1) - 1);
  return static_cast<T>((2 * at + 1) / extent - 1);
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& theta = c.in(0);
  const std::vector<int64_t> size = ONWARD_TRY(read_ints(c, 1));
  if (size.size() != 4 && size.size() != 5)
    return c.error("size has ", size.size(), " values, expected 4 or 5");
  const auto axes = static_cast<int64_t>(size.size()) - 2;
  if (!(theta.shape() == Shape{size[0], axes, axes + 1}))
    return c.error("theta has shape ", theta.shape(), ", expected ", Shape{size[0], axes, axes + 1},
                   " for size ", list_text(size));
  Shape shape{size[0]};
  for (size_t i = 2; i < size.size(); ++i) shape.push_back(size[i]);
  shape.push_back(axes);
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, shape));
  if (y.count() == 0) return {};
  const int64_t w = size.back(), h = size[size.size() - 2], d = axes == 3 ? size[2] : 1;
  const T* matrices = theta.data<T>();
  T* out = y.mutable_data<T>();
  c.parallel_for(size[0] * d * h, std::max<int64_t>(1, 4096 / w), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* m = matrices + row / (d * h) * axes * (axes + 1);
      const T py = position<T>(row % h, h, a.align_corners),
              pz = position<T>(row / h % d, d, a.align_corners);
      for (int64_t i = 0; i < w; ++i) {
        const T px = position<T>(i, w, a.align_corners);
        for (int64_t k = 0; k < axes; ++k) {
          const T* line = m + k * (axes + 1);
          out[(row * w + i) * axes + k] =
              line[0] * px + line[1] * py + (axes == 3 ? line[2] * pz : T(0)) + line[axes];
        }
      }
    }
  });
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(affine_grid) {
  return {op<Attrs>({.name = "AffineGrid",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, int64_t>,
                     .shape_inputs = 1u << 1})};
}

}  // namespace ow
