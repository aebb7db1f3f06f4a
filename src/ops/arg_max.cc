// ArgMax, ArgMin: the index of the largest or smallest element along `axis`: of equal ones the first, or the
// last with select_last_index. The first NaN, if any, is both.
#include <cmath>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
  bool keepdims = true;
  bool select_last_index = false;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.axis = a.integer("axis", 0),
               .keepdims = a.flag("keepdims", true),
               .select_last_index = a.flag("select_last_index", false)};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, DType::kInt64, std::nullopt);
    return {};
  }
  const auto axis = ONWARD_TRY(c.axis(a.axis, x->size()));
  SymShape shape = *x;
  if (shape[static_cast<size_t>(axis)].is(0)) return c.error("axis ", axis, " is empty");
  shape[static_cast<size_t>(axis)] = Dim(1);
  if (!a.keepdims) shape.erase(shape.begin() + axis);
  c.set(0, DType::kInt64, std::move(shape));
  return {};
}

template <class T, bool kMax>
int64_t arg_line(const T* x, int64_t n, int64_t stride, bool last) {
  int64_t best = 0;
  for (int64_t i = 0; i < n; ++i) {
    const T v = x[i * stride], m = x[best * stride];
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(v)) return i;
    if ((kMax ? v > m : v < m) || (last && v == m)) best = i;
  }
  return best;
}

// The lines [begin, end) of x seen as [outer, n, inner].
struct Lines {
  int64_t n, inner, begin, end;
  bool last;
};
using Fill = void (*)(const std::byte* x, const Lines& l, int64_t* y);

template <class T, bool kMax>
void fill(const std::byte* x, const Lines& l, int64_t* y) {
  const T* from = reinterpret_cast<const T*>(x);
  for (int64_t i = l.begin; i < l.end; ++i)
    y[i] = arg_line<T, kMax>(from + i / l.inner * l.n * l.inner + i % l.inner, l.n, l.inner, l.last);
}

template <bool kMax, class... T>
Fill fill_of(DType t) {
  Fill found = nullptr;
  ((t == dtype_of<T> ? (found = fill<T, kMax>, true) : false) || ...);
  return found;
}

Status run_with(const Attrs& a, RunContext& c, Fill fill) {
  const Tensor& x = c.in(0);
  if (!fill) return c.error("values of type ", x.dtype(), " have no order here");
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const int64_t n = x.dim(axis);
  if (n == 0) return c.error("axis ", axis, " of ", x.shape(), " is empty");
  Shape shape;
  std::vector<bool> dropped(x.rank(), false);
  dropped[axis] = !a.keepdims;
  for (size_t i = 0; i < x.rank(); ++i)
    if (!dropped[i]) shape.push_back(i == axis ? 1 : x.dim(i));
  Tensor y = ONWARD_TRY(a.keepdims ? c.out(0, DType::kInt64, shape)
                                   : c.out_without(0, DType::kInt64, shape, dropped));
  const int64_t inner = x.shape().count(axis + 1, x.rank());
  c.parallel_for(y.count(), std::max<int64_t>(1, 8192 / n), [&](int64_t begin, int64_t end) {
    fill(x.raw(), {n, inner, begin, end, a.select_last_index}, y.mutable_data<int64_t>());
  });
  return {};
}

template <bool kMax>
Status run(const Attrs& a, RunContext& c) {
  return run_with(
      a, c,
      fill_of<kMax, float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(
          c.in(0).dtype()));
}

template <bool kMax>
std::unique_ptr<Op> row(std::string_view name) {
  return op<Attrs>(
      {.name = name,
       .read = read,
       .infer = infer,
       .run = run<kMax>,
       .native =
           types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>,
       .layout = LayoutRule::kAlongAxes});
}

}  // namespace

ONWARD_OPS(arg_max) { return {row<true>("ArgMax"), row<false>("ArgMin")}; }

}  // namespace ow
