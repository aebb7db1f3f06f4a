// CumSum and CumProd: running sums and products along an axis, from its end with `reverse`, without the
// element itself with `exclusive`.
//
// A line is never divided over threads: one order of additions whatever their number. Sums of float32 run in
// double, those of float64 are compensated; each result is rounded once.
#include "kernels/compensated_sum.h"
#include "ops/op/elementwise.h"

namespace ow {
namespace {

struct Attrs {
  bool exclusive = false, reverse = false;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.flag("exclusive", false), a.flag("reverse", false)};
}

Status infer(const Attrs&, InferContext& c) {
  if (auto axis = c.constants(1); axis && c.shape(0)) {
    if (axis->size() != 1) return c.error("axis has ", axis->size(), " elements, expected one");
    ONWARD_TRY(c.axis((*axis)[0], c.shape(0)->size()));
  }
  return infer_same(c);
}

struct Plus {
  template <class T>
  using Total = kernels::SumOf<T>;
  static constexpr int kStart = 0;
  template <class Total, class T>
  static void take(Total& total, T x) {
    total += static_cast<Total>(x);
  }
};
struct Times {
  template <class T>
  using Total = T;
  static constexpr int kStart = 1;
  template <class T>
  static void take(T& total, T x) {
    total *= x;
  }
};

// n elements, `stride` apart (negative: from the end).
template <class T, class F>
void accumulate(const T* x, T* y, int64_t n, int64_t stride, bool exclusive) {
  using Total = typename F::template Total<T>;
  Total total = F::kStart;
  for (int64_t i = 0; i < n; ++i) {
    const Total before = total;
    F::take(total, x[i * stride]);
    y[i * stride] = static_cast<T>(exclusive ? before : total);
  }
}

template <class F>
Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> axes = ONWARD_TRY(read_ints(c, 1));
  if (axes.size() != 1) return c.error("axis has ", axes.size(), " elements, expected one");
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, axes[0], x.rank())));
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  const int64_t n = x.dim(axis), inner = x.shape().count(axis + 1, x.rank()), lines = x.count() / n;
  using Types = TypeList<float, double, int32_t, int64_t, uint32_t, uint64_t>;
  return visit_types(Types{}, c, x.dtype(), [&]<class T>(T) -> Status {
    using W = Wrapping<T>;
    const W* from = reinterpret_cast<const W*>(x.raw());
    W* to = reinterpret_cast<W*>(y.mutable_raw());
    c.parallel_for(lines, std::max<int64_t>(1, 8192 / n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i / inner * n * inner + i % inner + (a.reverse ? (n - 1) * inner : 0);
        accumulate<W, F>(from + first, to + first, n, a.reverse ? -inner : inner, a.exclusive);
      }
    });
    return {};
  });
}

template <class F>
std::unique_ptr<Op> row(std::string_view name) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .run = run<F>,
                    .native = types<float, double, int32_t, int64_t, uint32_t, uint64_t>,
                    .layout = LayoutRule::kAlongAxes,
                    .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(cumulative) { return {row<Plus>("CumSum"), row<Times>("CumProd")}; }

}  // namespace ow
