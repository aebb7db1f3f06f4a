// Softmax: y[i] = exp(x[i] - m) / sum_j exp(x[j] - m),  m = max_j x[j],  along `axis`. LogSoftmax is its
// logarithm, computed as x[i] - m - log(sum); Hardmax is 1 at the first maximum and 0 elsewhere.
//
// Opsets 1 to 12 flatten the input to two dimensions at `axis` (default 1) and work on the second; `upgrade`
// rewrites that as Flatten, the operator, Reshape. Rows are split over threads, never divided: one summation
// order whatever the number of threads.
#include <cmath>

#include "kernels/compensated_sum.h"
#include "kernels/softmax.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = -1;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.axis = a.integer("axis", -1)}; }

Status infer(const Attrs& a, InferContext& c) {
  if (c.shape(0)) ONWARD_TRY(c.axis(a.axis, c.shape(0)->size()));
  return infer_same(c);
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 13) return {};
  const int64_t axis = AttrReader(c.node()).integer("axis", 1);
  ir::Value* flat = ONWARD_TRY(c.add("Flatten", {c.in(0)}, {{"axis", axis}}));
  ir::Value* soft = ONWARD_TRY(c.add(c.node().op_type, {flat}, {{"axis", int64_t{-1}}}));
  ir::Value* shape = ONWARD_TRY(c.add("Shape", {c.in(0)}));
  return c.replace({ONWARD_TRY(c.add("Reshape", {soft, shape}))});
}

// One line of n elements, `stride` apart.
template <class T>
void softmax_line(const T* x, T* y, int64_t n, int64_t stride) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i) m = x[i * stride] > m || std::isnan(x[i * stride]) ? x[i * stride] : m;
  kernels::CompensatedSum sum;
  for (int64_t i = 0; i < n; ++i) sum += y[i * stride] = std::exp(x[i * stride] - m);
  for (int64_t i = 0; i < n; ++i) y[i * stride] /= static_cast<T>(sum);
}

template <class T>
void log_softmax_line(const T* x, T* y, int64_t n, int64_t stride) {
  T m = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < n; ++i) m = x[i * stride] > m || std::isnan(x[i * stride]) ? x[i * stride] : m;
  kernels::CompensatedSum sum;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i * stride] - m);
  const T log_sum = std::log(static_cast<T>(sum));
  for (int64_t i = 0; i < n; ++i) y[i * stride] = x[i * stride] - m - log_sum;
}

template <class T>
void hardmax_line(const T* x, T* y, int64_t n, int64_t stride) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i)
    if (x[i * stride] > x[best * stride]) best = i;
  for (int64_t i = 0; i < n; ++i) y[i * stride] = i == best ? T(1) : T(0);
}

template <class T>
using Line = void (*)(const T*, T*, int64_t, int64_t);

template <class T>
Status run_lines(const Attrs& a, RunContext& c, Line<T> line) {
  const Tensor& x = c.in(0);
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.rank() == 0) {
    line(x.data<T>(), y.mutable_data<T>(), 1, 1);
    return {};
  }
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const int64_t outer = x.shape().count(0, axis), n = x.dim(axis),
                inner = x.shape().count(axis + 1, x.rank());
  if (x.count() == 0) return {};
  c.parallel_for(outer * inner, std::max<int64_t>(1, 4096 / n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t offset = i / inner * n * inner + i % inner;
      line(x.data<T>() + offset, y.mutable_data<T>() + offset, n, inner);
    }
  });
  return {};
}

using Rows = void (*)(const float*, float*, int64_t rows, int64_t n);
using Columns = void (*)(const float*, float*, int64_t n, int64_t stride, int64_t columns);

// Lines that lie side by side go through the kernel together.
Status run_vectors(const Attrs& a, RunContext& c, Rows rows, Columns columns) {
  const Tensor& x = c.in(0);
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  const size_t rank = x.rank();
  const auto axis = rank ? static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, rank))) : 0;
  const int64_t outer = rank ? x.shape().count(0, axis) : 1, n = rank ? x.dim(axis) : 1,
                inner = rank ? x.shape().count(axis + 1, rank) : 1;
  const float* from = x.data<float>();
  float* to = y.mutable_data<float>();
  if (inner == 1) {
    c.parallel_for(outer, std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
      rows(from + begin * n, to + begin * n, end - begin, n);
    });
    return {};
  }
  constexpr int64_t kBlock = 64;
  const int64_t blocks = (inner + kBlock - 1) / kBlock;
  c.parallel_for(outer * blocks, std::max<int64_t>(1, 16384 / kBlock / n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % blocks * kBlock, offset = i / blocks * n * inner + first;
      columns(from + offset, to + offset, n, inner, std::min(kBlock, inner - first));
    }
  });
  return {};
}

Status run_softmax(const Attrs& a, RunContext& c) {
  if (c.in(0).dtype() == DType::kFloat64) return run_lines<double>(a, c, softmax_line<double>);
  return run_vectors(a, c, kernels::softmax_rows, kernels::softmax_columns);
}
Status run_log_softmax(const Attrs& a, RunContext& c) {
  if (c.in(0).dtype() == DType::kFloat64) return run_lines<double>(a, c, log_softmax_line<double>);
  return run_vectors(a, c, kernels::log_softmax_rows, kernels::log_softmax_columns);
}
Status run_hardmax(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_lines<double>(a, c, hardmax_line<double>)
                                            : run_lines<float>(a, c, hardmax_line<float>);
}

std::unique_ptr<Op> row(std::string_view name, Status (*run)(const Attrs&, RunContext&)) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .upgrade = upgrade,
                    .run = run,
                    .native = types<float, double>,
                    .layout = LayoutRule::kAlongAxes,
                    .in_place = {{0, 0}}});
}

}  // namespace

ONWARD_OPS(softmax) {
  return {row("Softmax", run_softmax), row("LogSoftmax", run_log_softmax), row("Hardmax", run_hardmax)};
}

}  // namespace ow
