// MaxPool, AveragePool and LpPool: the maximum, the mean or the p-norm over a sliding window of each channel.
//
// Positions in the padding never win a maximum and add nothing; AveragePool divides by the positions inside
// the input, or with count_include_pad by those inside the padded input. MaxPool's Indices are flat positions
// in the dense input tensor, whatever its layout in memory.
#include "kernels/pool.h"

#include "kernels/transpose.h"
#include "ops/op/elementwise.h"
#include "ops/op/image.h"
#include "ops/op/op.h"
#include "ops/op/window.h"

namespace ow {
namespace {

struct Attrs {
  Window window;
  int64_t p = 2;
  bool count_include_pad = false, column_major = false;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{read_pool_window(a), a.integer("p", 2), a.flag("count_include_pad", false),
              a.flag("storage_order", false)};
  if (attrs.p < 1) a.fail("p", cat("is ", attrs.p, ", expected 1 or more"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  std::optional<SymShape> shape;
  if (x) {
    if (x->size() > 5)
      return unsupported(c.node().label(), ": ", x->size() - 2, " spatial axes, expected at most 3");
    shape = ONWARD_TRY(infer_pool_shape(c, a.window, *x));
  }
  c.set(0, c.dtype(0), shape);
  if (c.outputs() > 1) c.set(1, DType::kInt64, std::move(shape));
  return {};
}

// LpPool-1 had p as a number with a fraction.
Status upgrade(Rewriter& c) {
  if (c.node().op_type != "LpPool" || c.since_version() > 1) return {};
  const float p = AttrReader(c.node()).real("p", 2);
  if (p < 1 || p > 1024 || p != static_cast<float>(static_cast<int64_t>(p)))
    return c.cannot("p is ", p, ", expected a whole number from 1 on");
  c.set_attribute("p", static_cast<int64_t>(p));
  return {};
}

Result<kernels::PoolShape> pool_shape(const Attrs& a, const RunContext& c, Shape& out) {
  const Shape& x = c.in(0).shape();
  if (x.rank() < 3 || x.rank() > 5) return c.error("input 0 has shape ", x, ", expected rank 3 to 5");
  if (const std::string p = window_problem(a.window, x.rank() - 2); !p.empty()) return c.error(p);
  kernels::PoolShape s{.batch = x[0], .channels = x[1]};
  out = Shape{x[0], x[1]};
  for (size_t i = 0, at = 5 - x.rank(); i + 2 < x.rank(); ++i, ++at) {
    const WindowAxis axis = ONWARD_TRY(resolve_window(c, a.window, i, x[i + 2], a.window.kernel[i]));
    s.in[at] = x[i + 2];
    s.out[at] = axis.out;
    s.kernel[at] = axis.kernel;
    s.stride[at] = axis.stride;
    s.dilation[at] = axis.dilation;
    s.pad_begin[at] = axis.pad_begin;
    s.pad_end[at] = axis.pad_end;
    out.push_back(axis.out);
  }
  return s;
}

template <class T, class Kernel>
Status run_with(const Attrs& a, RunContext& c, Kernel kernel) {
  Shape shape;
  kernels::PoolShape s = ONWARD_TRY(pool_shape(a, c, shape));
  const auto x = ONWARD_TRY(image_input<T>(c, c.in(0)));
  ImageOutput y = ONWARD_TRY(image_output(c, 0, dtype_of<T>, shape));
  s.in_ld = x.ld;
  s.out_ld = y.ld;
  if (y.tensor.count() > 0) kernel(s, x.data, y.template data<T>());
  y.finish(c);
  return {};
}

template <class T>
Status run_max_typed(const Attrs& a, RunContext& c) {
  if (!c.wants(1))
    return run_with<T>(a, c, [&](const kernels::PoolShape& s, const T* x, T* y) {
      kernels::max_pool(s, x, y, c.threads());
    });
  Shape shape;
  ONWARD_TRY(pool_shape(a, c, shape));
  ImageOutput indices = ONWARD_TRY(image_output(c, 1, DType::kInt64, shape));
  ONWARD_TRY(run_with<T>(a, c, [&](const kernels::PoolShape& s, const T* x, T* y) {
    kernels::max_pool_indices(s, x, y, indices.data<int64_t>(), indices.ld, a.column_major, c.threads());
  }));
  indices.finish(c);
  return {};
}

Status run_max(const Attrs& a, RunContext& c) {
  return visit_types(TypeList<float, double, int8_t, uint8_t>{}, c, c.in(0).dtype(),
                     [&]<class T>(T) { return run_max_typed<T>(a, c); });
}

template <class T>
Status run_average_typed(const Attrs& a, RunContext& c) {
  return run_with<T>(a, c, [&](const kernels::PoolShape& s, const T* x, T* y) {
    kernels::average_pool(s, a.count_include_pad, x, y, c.threads());
  });
}
Status run_average(const Attrs& a, RunContext& c) {
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_average_typed<T>(a, c); });
}

template <class T>
Status run_lp_typed(const Attrs& a, RunContext& c) {
  return run_with<T>(a, c, [&](const kernels::PoolShape& s, const T* x, T* y) {
    kernels::lp_pool(s, a.p, x, y, c.threads());
  });
}
Status run_lp(const Attrs& a, RunContext& c) {
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_lp_typed<T>(a, c); });
}

std::unique_ptr<Op> row(std::string_view name, Status (*run)(const Attrs&, RunContext&), TypeMask native) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .upgrade = upgrade,
                    .run = run,
                    .native = native,
                    .layout = LayoutRule::kChannelsLast});
}

}  // namespace

ONWARD_OPS(pool) {
  return {row("MaxPool", run_max, types<float, double, int8_t, uint8_t>),
          row("AveragePool", run_average, types<float, double>), row("LpPool", run_lp, types<float, double>)};
}

}  // namespace ow
