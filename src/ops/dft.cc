// DFT: the discrete Fourier transform along one axis; the last axis holds 1 (real) or 2 (complex) numbers.
//   onesided = 0             n values -> n complex values
//   onesided = 1, forward    n real values -> n / 2 + 1 complex values
//   onesided = 1, inverse    n / 2 + 1 complex values -> n real values; the rest follows from symmetry, and
//   the
//                            imaginary parts of the first value, and of the middle one of an even n, do not
//                            count
// n is dft_length, else the extent of the axis (onesided inverse: 2 (extent - 1)); the input is cut or padded
// with zeros to it. Opset 17 has `axis` as an attribute.
//
// Lines are transformed in double whatever the type, but complex floats inversely in float where
// ops/op/inverse_fft_single.h covers n: numpy does so, and ONNX's tests expect its rounding errors where the
// value itself is 0.
#include <type_traits>

#include "ops/op/fft.h"
#include "ops/op/inverse_fft_single.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool inverse = false, onesided = false;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.inverse = a.flag("inverse", false), .onesided = a.flag("onesided", false)};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 20) return {};
  const AttrReader a(c.node());
  const int64_t axis = a.integer("axis", 1);
  ir::Value* y =
      ONWARD_TRY(c.add("DFT", {c.in(0), c.node().inputs().size() > 1 ? c.in(1) : nullptr, c.int_scalar(axis)},
                       {{"inverse", a.integer("inverse", 0)}, {"onesided", a.integer("onesided", 0)}}));
  if (!a.error().ok()) return a.error().clone();
  return c.replace({y});
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (x->size() < 2) return c.error("input has rank ", x->size(), ", expected at least 2");
  const auto parts = x->back().constant();
  if (parts && *parts != 1 && *parts != 2)
    return c.error("input is ", list_text(*x), ", expected 1 (real) or 2 (complex) in the last axis");
  if (a.onesided && parts && *parts != (a.inverse ? 2 : 1))
    return c.error("input is ", list_text(*x), ", expected ", a.inverse ? "2 (complex)" : "1 (real)",
                   " in the last axis of a onesided ", a.inverse ? "inverse" : "forward", " transform");
  std::optional<std::vector<int64_t>> axis = std::vector<int64_t>{-2};
  if (c.has(2)) axis = c.constants(2);
  if (axis && axis->size() != 1) return c.error("axis has ", axis->size(), " elements, expected one");
  if (!axis) {
    c.set_unknown_dims(0, c.dtype(0), x->size());
    return {};
  }
  const auto at = static_cast<size_t>(ONWARD_TRY(c.axis((*axis)[0], x->size())));
  if (at + 1 == x->size()) return c.error("axis is the last one, which holds the parts of complex numbers");
  Dim n = (*x)[at];
  if (a.inverse && a.onesided) n = (n - 1) * 2;
  if (c.has(1)) {
    const auto* length = c.elements(1);
    if (length && length->size() != 1)
      return c.error("dft_length has ", length->size(), " elements, expected one");
    n = length ? (*length)[0] : Dim::unknown();
    if (n.is_constant() && *n.constant() < 1) return c.error("dft_length is ", n, ", expected at least 1");
  }
  SymShape y = *x;
  y[at] = a.onesided && !a.inverse ? floor_div(n, 2) + 1 : n;
  y.back() = a.onesided && a.inverse ? 1 : 2;
  c.set(0, c.dtype(0), std::move(y));
  return {};
}

// Reads line `x` of `extent` points (`stride` elements apart, `parts` numbers each) as n points.
template <class T, class Real>
void load_line(const T* x, int64_t extent, int64_t stride, int64_t parts, int64_t n,
               std::complex<Real>* line) {
  for (int64_t i = 0; i < n; ++i) {
    const T* at = x + i * stride;
    line[i] = i < extent ? std::complex<Real>(at[0], parts == 2 ? at[1] : Real{0}) : std::complex<Real>();
  }
}

// The n points whose first half, of `extent` points, is x.
template <class T, class Real>
void load_symmetric(const T* x, int64_t extent, int64_t stride, int64_t n, std::complex<Real>* line) {
  load_line(x, std::min(extent, n / 2 + 1), stride, 2, n / 2 + 1, line);
  line[0] = line[0].real();
  if (n % 2 == 0) line[n / 2] = line[n / 2].real();
  for (int64_t i = n / 2 + 1; i < n; ++i) line[i] = std::conj(line[n - i]);
}

struct Layout {
  int64_t n, lines, inner, in_extent, in_parts, out_extent, out_parts;
};

template <class T, class Transform>
Status transform(const Attrs& a, RunContext& c, const Layout& l, Tensor& y) {
  using Complex = typename Transform::Complex;
  const Transform fft = ONWARD_TRY(Transform::create(l.n, c.budget()));
  const int64_t workers = std::min<int64_t>(c.threads(), l.lines), work = l.n + fft.work_length();
  auto scratch = ONWARD_TRY(c.scratch_of<Complex>(workers * work));
  const T* x = c.in(0).data<T>();
  T* out = y.mutable_data<T>();
  c.parallel_for(workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w) {
      Complex* line = scratch.data() + w * work;
      for (int64_t i = l.lines * w / workers; i < l.lines * (w + 1) / workers; ++i) {
        if (c.budget() && c.budget()->stopped()) return;
        const int64_t outer = i / l.inner, inner = i % l.inner;
        const T* from = x + (outer * l.in_extent * l.inner + inner) * l.in_parts;
        if (a.onesided && a.inverse)
          load_symmetric(from, l.in_extent, l.inner * 2, l.n, line);
        else
          load_line(from, l.in_extent, l.inner * l.in_parts, l.in_parts, l.n, line);
        if constexpr (std::is_same_v<Transform, Fft>)
          fft.run(line, line + l.n, a.inverse);
        else
          fft.run(line, line + l.n);
        T* to = out + (outer * l.out_extent * l.inner + inner) * l.out_parts;
        for (int64_t k = 0; k < l.out_extent; ++k, to += l.inner * l.out_parts) {
          to[0] = static_cast<T>(line[k].real());
          if (l.out_parts == 2) to[1] = static_cast<T>(line[k].imag());
        }
      }
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const size_t rank = x.rank();
  if (rank < 2) return c.error("input has shape ", x.shape(), ", expected rank 2 or more");
  int64_t axis = -2;
  if (c.has(2)) {
    const auto given = ONWARD_TRY(read_ints(c, 2));
    if (given.size() != 1) return c.error("axis has ", given.size(), " elements, expected one");
    axis = given[0];
  }
  const auto at = static_cast<size_t>(ONWARD_TRY(read_axis(c, axis, rank)));
  if (at + 1 == rank) return c.error("axis is the last one, which holds the parts of complex numbers");
  const int64_t parts = x.dim(rank - 1), extent = x.dim(at);
  if (parts != 1 && parts != 2)
    return c.error("input has shape ", x.shape(), ", expected 1 (real) or 2 (complex) in the last axis");
  if (a.onesided && parts != (a.inverse ? 2 : 1))
    return c.error("input has shape ", x.shape(), ", expected ", a.inverse ? 2 : 1, " in the last axis");
  int64_t n = a.inverse && a.onesided ? 2 * (extent - 1) : extent;
  if (c.has(1)) {
    const auto given = ONWARD_TRY(read_ints(c, 1));
    if (given.size() != 1) return c.error("dft_length has ", given.size(), " elements, expected one");
    n = given[0];
  }
  if (n < 1) return c.error("the length of the transform is ", n, ", expected at least 1");
  Shape shape = x.shape();
  shape[at] = a.onesided && !a.inverse ? n / 2 + 1 : n;
  shape[rank - 1] = a.onesided && a.inverse ? 1 : 2;
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), shape));
  if (y.count() == 0) return {};
  const int64_t inner = x.shape().count(at + 1, rank - 1);
  const Layout l{n, x.shape().count(0, at) * inner, inner, extent, parts, shape[at], shape[rank - 1]};
  if (x.dtype() == DType::kFloat64) return transform<double, Fft>(a, c, l, y);
  const bool single = parts == 2 && a.inverse && !a.onesided && InverseFftSingle::covers(n);
  return single ? transform<float, InverseFftSingle>(a, c, l, y) : transform<float, Fft>(a, c, l, y);
}

}  // namespace

ONWARD_OPS(dft) {
  return {op<Attrs>({.name = "DFT",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .native = types<float, double>,
                     .shape_inputs = 0b110})};
}

}  // namespace ow
