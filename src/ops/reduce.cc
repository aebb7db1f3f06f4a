// Reduce*: a fold over some axes.
//
//   Sum  sum x      Mean  sum x / n     Prod  prod x     Max, Min     L1  sum |x|     L2  sqrt(sum x^2)
//   SumSquare  sum x^2      LogSum  log(sum x)      LogSumExp  m + log(sum exp(x - m)), m = max x, in one
//   pass
//
// Sums of float32 run in double, those of float64 are compensated, integer ones wrap. NaN wins every Max and
// Min. Over nothing: Sum, L1, L2 and SumSquare give 0, Prod 1, the logarithms -inf, Max the lowest and Min
// the highest value of the type. Axes were an attribute before opset 18 (ReduceSum: 13).
#include <cmath>
#include <limits>

#include "kernels/compensated_sum.h"
#include "kernels/reduce_table.h"
#include "ops/op/op.h"
#include "ops/op/reduction.h"

namespace ow {
namespace {

struct Attrs {
  bool keepdims = true, noop_with_empty_axes = false;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.flag("keepdims", true), a.flag("noop_with_empty_axes", false)};
}

// --- inference

void set_reduced(const Attrs& a, InferContext& c, const SymShape& x, const std::vector<bool>& reduced) {
  SymShape out;
  for (size_t i = 0; i < x.size(); ++i)
    if (!reduced[i])
      out.push_back(x[i]);
    else if (a.keepdims)
      out.push_back(1);
  c.set(0, c.dtype(0), std::move(out));
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  std::optional<std::vector<int64_t>> axes = c.has(1) ? c.constants(1) : std::vector<int64_t>{};
  if (!axes) {
    // Which axes is not known: with keepdims the rank still is.
    if (a.keepdims)
      c.set_unknown_dims(0, c.dtype(0), x->size());
    else
      c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  std::vector<bool> reduced(x->size(), axes->empty() && !a.noop_with_empty_axes);
  for (int64_t axis : *axes) reduced[static_cast<size_t>(ONWARD_TRY(c.axis(axis, x->size())))] = true;
  set_reduced(a, c, *x, reduced);
  return {};
}

// Small integer contents survive where the whole of a vector (or scalar) is folded.
template <class Fold>
Status infer_elements(const Attrs& a, InferContext& c, Fold fold) {
  ONWARD_TRY(infer(a, c));
  const auto* elements = c.elements(0);
  const SymShape* x = c.shape(0);
  const auto axes = c.has(1) ? c.constants(1) : std::vector<int64_t>{};
  if (!elements || elements->empty() || !x || !axes || !is_integer(c.dtype(0))) return {};
  if (x->empty() || (axes->empty() && a.noop_with_empty_axes)) {
    c.set_elements(0, *elements);
    return {};
  }
  Dim result = (*elements)[0];
  for (size_t i = 1; i < elements->size(); ++i) result = fold(result, (*elements)[i]);
  c.set_elements(0, {result});
  return {};
}
Status infer_sum(const Attrs& a, InferContext& c) {
  return infer_elements(a, c, [](const Dim& x, const Dim& y) { return x + y; });
}
Status infer_prod(const Attrs& a, InferContext& c) {
  return infer_elements(a, c, [](const Dim& x, const Dim& y) { return x * y; });
}
Status infer_max(const Attrs& a, InferContext& c) {
  return infer_elements(a, c, [](const Dim& x, const Dim& y) { return max(x, y); });
}
Status infer_min(const Attrs& a, InferContext& c) {
  return infer_elements(a, c, [](const Dim& x, const Dim& y) { return min(x, y); });
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= (c.node().op_type == "ReduceSum" ? 13 : 18)) return {};
  const ir::Ints axes = AttrReader(c.node()).integers("axes");
  c.remove_attribute("axes");
  if (!axes.empty()) c.set_input(1, c.ints(axes));
  return {};
}

// --- folds: T in, Acc between, T out

template <class T>
constexpr bool kIsFloat = std::is_floating_point_v<T>;
template <class T>
constexpr bool kIsFloat32 = std::is_same_v<T, float>;
// Sums of integers wrap, which only unsigned arithmetic may.
template <class T, bool = kIsFloat<T>>
struct Wide {
  using type = uint64_t;
};
template <class T>
struct Wide<T, true> {
  using type = kernels::FloatSum<T>;
};
template <class T>
using WideOf = typename Wide<T>::type;

// Back from the accumulator: doubles round to float, integers keep their low bits.
template <class T>
T narrow(WideOf<T> v) {
  return static_cast<T>(v);
}
// A double result in an integer type, saturated.
template <class T>
T from_double(double v) {
  if constexpr (kIsFloat<T>) {
    return static_cast<T>(v);
  } else {
    if (!(v > static_cast<double>(std::numeric_limits<T>::lowest()))) return std::numeric_limits<T>::lowest();
    if (v >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(v);
  }
}
// Signed integers as numbers, from a wrapped 64-bit sum.
template <class T>
double as_number(WideOf<T> v) {
  if constexpr (kIsFloat<T> || std::is_unsigned_v<T>)
    return static_cast<double>(v);
  else
    return static_cast<double>(static_cast<int64_t>(v));
}

template <class T>
struct Sum {
  const kernels::ReduceTable* kernel = &kernels::reduce_kernels();
  using Acc = WideOf<T>;
  Acc start() const { return 0; }
  void step(Acc& a, T x) const { a += static_cast<Acc>(x); }
  void join(Acc& a, Acc b) const { a += b; }
  T finish(Acc a, int64_t) const { return narrow<T>(a); }
  void lines(double* to, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    kernel->sum(x, stride, count, n, to);
  }
  void rows(double* acc, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    kernel->add(x, stride, count, n, acc);
  }
};
template <class T>
struct Mean : Sum<T> {
  T finish(WideOf<T> a, int64_t n) const {
    if constexpr (kIsFloat<T>)
      return static_cast<T>(static_cast<double>(a) / static_cast<double>(n));
    else if constexpr (std::is_signed_v<T>)
      return n == 0 ? T(0) : static_cast<T>(static_cast<int64_t>(a) / n);
    else
      return n == 0 ? T(0) : static_cast<T>(a / static_cast<uint64_t>(n));
  }
};
template <class T>
struct LogSum : Sum<T> {
  T finish(WideOf<T> a, int64_t) const { return from_double<T>(std::log(as_number<T>(a))); }
};
template <class T>
struct L1 : Sum<T> {
  void step(WideOf<T>& a, T x) const {
    if constexpr (kIsFloat<T>)
      a += std::fabs(static_cast<double>(x));
    else
      a += x < T(0) ? uint64_t{0} - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  }
  void lines(double* to, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    this->kernel->sum_abs(x, stride, count, n, to);
  }
  void rows(double* acc, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    this->kernel->add_abs(x, stride, count, n, acc);
  }
};
template <class T>
struct SumSquare : Sum<T> {
  void step(WideOf<T>& a, T x) const {
    const auto factor = static_cast<std::conditional_t<kIsFloat<T>, double, uint64_t>>(x);
    a += factor * factor;
  }
  void lines(double* to, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    this->kernel->sum_square(x, stride, count, n, to);
  }
  void rows(double* acc, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    this->kernel->add_square(x, stride, count, n, acc);
  }
};
template <class T>
struct L2 : SumSquare<T> {
  T finish(WideOf<T> a, int64_t) const { return from_double<T>(std::sqrt(static_cast<double>(a))); }
};
template <class T>
struct Prod {
  using Acc = std::conditional_t<kIsFloat<T>, double, uint64_t>;
  Acc start() const { return 1; }
  void step(Acc& a, T x) const { a *= static_cast<Acc>(x); }
  void join(Acc& a, Acc b) const { a *= b; }
  T finish(Acc a, int64_t) const { return static_cast<T>(a); }
};
template <class T>
struct Max {
  const kernels::ReduceTable* kernel = &kernels::reduce_kernels();
  using Acc = T;
  T start() const {
    if constexpr (kIsFloat<T>) return -std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::lowest();
  }
  void step(T& a, T x) const { a = x > a || x != x ? x : a; }
  void join(T& a, T b) const { step(a, b); }
  T finish(T a, int64_t) const { return a; }
  void lines(T* to, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    kernel->max(x, stride, count, n, to);
  }
  void rows(T* acc, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    kernel->max_rows(x, stride, count, n, acc);
  }
};
template <class T>
struct Min {
  const kernels::ReduceTable* kernel = &kernels::reduce_kernels();
  using Acc = T;
  T start() const {
    if constexpr (kIsFloat<T>) return std::numeric_limits<T>::infinity();
    return std::numeric_limits<T>::max();
  }
  void step(T& a, T x) const { a = x < a || x != x ? x : a; }
  void join(T& a, T b) const { step(a, b); }
  T finish(T a, int64_t) const { return a; }
  void lines(T* to, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    kernel->min(x, stride, count, n, to);
  }
  void rows(T* acc, const T* x, int64_t stride, int64_t count, int64_t n) const requires kIsFloat32<T> {
    kernel->min_rows(x, stride, count, n, acc);
  }
};
// sum of exp(x - m), kept relative to the largest value so far.
template <class T>
struct LogSumExp {
  struct Acc {
    double m;
    kernels::CompensatedSum sum;  // 0: of nothing
  };
  Acc start() const { return {-std::numeric_limits<double>::infinity(), 0}; }
  void step(Acc& a, T value) const {
    const double v = static_cast<double>(value);
    if (v <= a.m && v != a.m) return void(a.sum += std::exp(v - a.m));
    join(a, {v, 1});
  }
  void join(Acc& a, Acc b) const {
    if (b.m > a.m) std::swap(a, b);
    if (static_cast<double>(b.sum) == 0) return;
    if (b.m != a.m) b.sum *= std::exp(b.m - a.m);  // also where one is NaN
    a.sum += b.sum;
  }
  T finish(const Acc& a, int64_t) const { return from_double<T>(a.m + std::log(static_cast<double>(a.sum))); }
};

// --- run

Result<std::vector<bool>> reduced_axes(const Attrs& a, RunContext& c) {
  const size_t rank = c.in(0).rank();
  std::vector<int64_t> axes;
  if (c.has(1)) axes = ONWARD_TRY(read_ints(c, 1));
  std::vector<bool> reduced(rank, axes.empty() && !a.noop_with_empty_axes);
  for (int64_t axis : axes) reduced[static_cast<size_t>(ONWARD_TRY(read_axis(c, axis, rank)))] = true;
  return reduced;
}

using Run = void (*)(const RunContext& c, const Reduction& r, const std::byte* x, std::byte* y);

template <class T, template <class> class Fold>
void fold_all(const RunContext& c, const Reduction& r, const std::byte* x, std::byte* y) {
  T* out = reinterpret_cast<T*>(y);
  const Fold<T> fold;
  reduce(c, r, reinterpret_cast<const T*>(x), fold,
         [&](int64_t i, const auto& acc) { out[i] = fold.finish(acc, r.reduced_count); });
}

// Those that wrap do the same to a signed number's bits as to an unsigned one's.
template <template <class> class Fold>
constexpr bool kWraps =
    std::is_same_v<Fold<int32_t>, Sum<int32_t>> || std::is_same_v<Fold<int32_t>, Prod<int32_t>> ||
    std::is_same_v<Fold<int32_t>, SumSquare<int32_t>>;
template <class T, template <class> class Fold>
using StoredAs =
    typename std::conditional_t<kWraps<Fold>, std::make_unsigned<T>, std::type_identity<T>>::type;

template <template <class> class Fold>
Run runner(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return fold_all<float, Fold>;
    case DType::kFloat64:
      return fold_all<double, Fold>;
    case DType::kInt32:
      return fold_all<StoredAs<int32_t, Fold>, Fold>;
    case DType::kInt64:
      return fold_all<StoredAs<int64_t, Fold>, Fold>;
    case DType::kUint32:
      return fold_all<uint32_t, Fold>;
    case DType::kUint64:
      return fold_all<uint64_t, Fold>;
    default:
      break;
  }
  if constexpr (std::is_same_v<Fold<int8_t>, Max<int8_t>> || std::is_same_v<Fold<int8_t>, Min<int8_t>>) {
    if (dtype == DType::kInt8) return fold_all<int8_t, Fold>;
    if (dtype == DType::kUint8) return fold_all<uint8_t, Fold>;
    if (dtype == DType::kBool) return fold_all<bool, Fold>;
  }
  return nullptr;
}

Status run_with(const Attrs& a, RunContext& c, Run fold) {
  const Tensor& x = c.in(0);
  if (!fold)
    return c.error("input 0 is of type ", x.dtype(), ", expected a type of ", c.node().op_type, "'s schema");
  const auto reduced = ONWARD_TRY(reduced_axes(a, c));
  Shape shape;
  for (size_t i = 0; i < x.rank(); ++i)
    if (!reduced[i] || a.keepdims) shape.push_back(reduced[i] ? 1 : x.dim(i));
  const Reduction r = reduction_of(x.shape(), reduced);
  const DType dtype = x.dtype();
  Tensor y = ONWARD_TRY(shape.rank() == reduced.size() ? c.out(0, dtype, shape)
                                                       : c.out_without(0, dtype, shape, reduced));
  if (y.count() > 0) fold(c, r, c.in(0).raw(), y.mutable_raw());
  return {};
}

template <template <class> class Fold>
Status run(const Attrs& a, RunContext& c) {
  return run_with(a, c, runner<Fold>(c.in(0).dtype()));
}

using Infer = Status (*)(const Attrs&, InferContext&);
template <template <class> class Fold>
std::unique_ptr<Op> row(std::string_view name, Infer infer_this = infer, TypeMask more = 0) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer_this,
                    .upgrade = upgrade,
                    .run = run<Fold>,
                    .native = types<float, double, int32_t, int64_t, uint32_t, uint64_t> | more,
                    .layout = LayoutRule::kAlongAxes,
                    .shape_inputs = 1u << 1});
}

}  // namespace

ONWARD_OPS(reduce) {
  constexpr TypeMask kSmall = types<int8_t, uint8_t, bool>;
  return {row<Sum>("ReduceSum", infer_sum),
          row<Mean>("ReduceMean"),
          row<Prod>("ReduceProd", infer_prod),
          row<Max>("ReduceMax", infer_max, kSmall),
          row<Min>("ReduceMin", infer_min, kSmall),
          row<L1>("ReduceL1"),
          row<L2>("ReduceL2"),
          row<LogSum>("ReduceLogSum"),
          row<LogSumExp>("ReduceLogSumExp"),
          row<SumSquare>("ReduceSumSquare")};
}

}  // namespace ow
