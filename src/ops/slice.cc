// Slice: x[start:end:step] along each listed axis, as numpy has it: negative starts and ends count from the
// end, then both are clamped to what the step can reach. Opsets below 10 have the lists as attributes.
//
// The symbolic extent is exact wherever its form does not depend on the size: a bound that cannot be negative
// becomes min(bound, d), one that counts from the end becomes max(d - k, 0).
//
// onward.Slice is what the optimiser makes of a Slice, a Split or a Gather of one index whose readers take it
// where it is: a view of the elements [start, end) along `axis`, every `step`-th of them, step > 0; `drop`:
// of one element, without that axis.
#include <limits>

#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Range {
  int64_t start = 0, step = 1, count = 0;
};

Range clamp_range(int64_t start, int64_t end, int64_t step, int64_t d) {
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? d : d - 1;
  auto place = [&](int64_t i, int64_t least) {
    return std::clamp(i < 0 ? i + d : i, least, std::max(high, least));
  };
  start = place(start, step > 0 ? 0 : std::min<int64_t>(0, high));
  end = place(end, low);
  const uint64_t span = step > 0 ? (end > start ? static_cast<uint64_t>(end - start) : 0)
                                 : (start > end ? static_cast<uint64_t>(start - end) : 0);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
  if (d == 0) return {0, step, 0};
  return {start, step, static_cast<int64_t>(span / stride + (span % stride != 0))};
}

constexpr int64_t kFar = std::numeric_limits<int32_t>::max();

// Sums of products of sizes, without anything unknown: never below zero.
bool never_negative(const Dim& d) {
  if (d.is_constant()) return *d.constant() >= 0;
  return d.text().find_first_of("-?") == std::string::npos;
}

// A bound of a forward slice within [0, d]; unknown where its sign is.
std::optional<Dim> forward_bound(const Dim& bound, const Dim& d) {
  if (bound == d || (bound.is_constant() && *bound.constant() >= kFar)) return d;
  if (bound.is(0)) return Dim(0);
  if (bound.is_constant() && *bound.constant() < 0)
    return *bound.constant() <= -kFar ? Dim(0) : max(d + bound, Dim(0));
  if (never_negative(bound)) return min(bound, d);
  return std::nullopt;
}

Dim symbolic_extent(const Dim& start, const Dim& end, const Dim& step, const Dim& d) {
  if (!step.is_constant()) return Dim::unknown();
  const int64_t by = *step.constant();
  if (start.is_constant() && end.is_constant() && d.is_constant())
    return Dim(clamp_range(*start.constant(), *end.constant(), by, *d.constant()).count);
  if (by > 0) {
    auto from = forward_bound(start, d), to = forward_bound(end, d);
    if (!from || !to) return Dim::unknown();
    Dim span = *to - *from;
    if (!from->is(0) && !(span.is_constant() && *span.constant() >= 0)) span = max(span, Dim(0));
    return ceil_div(span, step);
  }
  const bool from_last = start.is(-1) || (start.is_constant() && *start.constant() >= kFar);
  if (from_last && end.is_constant() && *end.constant() <= -kFar) return ceil_div(d, Dim(0) - step);
  return Dim::unknown();
}

Result<std::vector<int64_t>> infer_axes(const InferContext& c, size_t n, size_t rank, bool& known) {
  std::vector<int64_t> axes;
  if (!c.has(3)) {
    if (n > rank) return c.error("starts has ", n, " values for an input of rank ", rank);
    for (size_t i = 0; i < n; ++i) axes.push_back(static_cast<int64_t>(i));
    return axes;
  }
  auto listed = c.constants(3);
  known = listed.has_value();
  if (!listed) return axes;
  for (int64_t a : *listed) axes.push_back(ONWARD_TRY(c.axis(a, rank)));
  return axes;
}

void infer_elements(InferContext& c, const Dim& start, const Dim& end, const Dim& step) {
  const auto* all = c.elements(0);
  if (!all || !start.is_constant() || !end.is_constant() || !step.is_constant()) return;
  const Range r =
      clamp_range(*start.constant(), *end.constant(), *step.constant(), static_cast<int64_t>(all->size()));
  std::vector<Dim> some;
  for (int64_t i = 0; i < r.count; ++i) some.push_back((*all)[static_cast<size_t>(r.start + i * r.step)]);
  c.set_elements(0, std::move(some));
}

Status infer(const NoAttrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  c.set(0, c.dtype(0), std::nullopt);
  if (!x) return {};
  const auto *starts = c.elements(1), *ends = c.elements(2), *steps = c.elements(4);
  size_t n = starts ? starts->size() : ends ? ends->size() : 0;
  bool known = true;
  const auto axes = ONWARD_TRY(infer_axes(c, n, x->size(), known));
  if (!known || (!starts && !ends && !c.has(3))) {
    c.set_unknown_dims(0, c.dtype(0), x->size());
    return {};
  }
  n = axes.size();
  if ((starts && starts->size() != n) || (ends && ends->size() != n) || (steps && steps->size() != n))
    return c.error("starts, ends, axes and steps differ in length");
  SymShape shape = *x;
  for (size_t i = 0; i < n; ++i) {
    const Dim step = steps ? (*steps)[i] : c.has(4) ? Dim::unknown() : Dim(1);
    if (step.is(0)) return c.error("steps has a 0");
    const Dim start = starts ? (*starts)[i] : Dim::unknown(), end = ends ? (*ends)[i] : Dim::unknown();
    Dim& d = shape[static_cast<size_t>(axes[i])];
    d = symbolic_extent(start, end, step, d);
    if (x->size() == 1 && n == 1) infer_elements(c, start, end, step);
  }
  if (n == 0 && c.elements(0)) c.set_elements(0, *c.elements(0));
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 10) return {};
  AttrReader a(c.node());
  c.set_input(1, c.ints(a.integers("starts")));
  c.set_input(2, c.ints(a.integers("ends")));
  if (auto axes = a.maybe_integers("axes")) c.set_input(3, c.ints(*axes));
  for (const char* name : {"starts", "ends", "axes"}) c.remove_attribute(name);
  return {};
}

Status run(const NoAttrs&, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto starts = ONWARD_TRY(read_ints(c, 1)), ends = ONWARD_TRY(read_ints(c, 2));
  std::vector<int64_t> axes, steps(starts.size(), 1);
  for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (c.has(3)) axes = ONWARD_TRY(read_ints(c, 3));
  if (c.has(4)) steps = ONWARD_TRY(read_ints(c, 4));
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    return c.error("starts, ends, axes and steps differ in length");
  Shape shape = x.shape(), strides = x.strides();
  int64_t offset = 0;
  std::vector<bool> seen(x.rank(), false);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, axes[i], x.rank())));
    if (seen[axis]) return c.error("axes has axis ", axis, " twice");
    seen[axis] = true;
    if (steps[i] == 0) return c.error("steps has a 0");
    const Range r = clamp_range(starts[i], ends[i], steps[i], shape[axis]);
    offset += r.start * strides[axis];
    shape[axis] = r.count;
    strides[axis] = r.count > 1 ? strides[axis] * r.step : 0;
  }
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  Units from = ONWARD_TRY(units_of(c, x));
  copy_strided_units(c, y.units, dense_strides(shape).dims(), from.at(offset), strides.dims(), shape.dims());
  y.finish();
  return {};
}

struct ViewAttrs {
  int64_t axis = 0, start = 0, end = 0, step = 1;
  bool drop = false;
};

Result<ViewAttrs> read_view(const AttrReader& a) {
  const ViewAttrs view{a.integer("axis", 0), a.integer("start", 0),
                       a.integer("end", std::numeric_limits<int64_t>::max()), a.integer("step", 1),
                       a.flag("drop", false)};
  if (view.axis < 0 || view.axis > 200) a.fail("axis", cat("is ", view.axis, ", expected 0 to 200"));
  if (view.step < 1) a.fail("step", cat("is ", view.step, ", expected at least 1"));
  return view;
}

Status infer_view(const ViewAttrs& a, InferContext& c) {
  c.set(0, c.dtype(0), std::nullopt);
  if (!c.shape(0)) return {};
  SymShape shape = *c.shape(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, shape.size())));
  const auto whole = shape[axis].constant();
  if (whole && a.drop && clamp_range(a.start, a.end, a.step, *whole).count != 1)
    return c.error("element ", a.start, " is outside an axis of extent ", *whole);
  if (a.drop)
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  else
    shape[axis] = symbolic_extent(Dim(a.start), Dim(a.end), Dim(a.step), shape[axis]);
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

Status run_view(const ViewAttrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const Range r = clamp_range(a.start, a.end, a.step, x.dim(axis));
  if (a.drop && r.count != 1)
    return c.error("element ", a.start, " is outside an axis of extent ", x.dim(axis));
  Shape shape, strides;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (i == axis && a.drop) continue;
    shape.push_back(i == axis ? r.count : x.dim(i));
    strides.push_back(i == axis ? x.strides()[i] * r.step : x.strides()[i]);
  }
  c.set(0, x.strided(shape, strides, r.count > 0 ? r.start * x.strides()[axis] : 0));
  return {};
}

}  // namespace

ONWARD_OPS(slice) {
  return {op<NoAttrs>({.name = "Slice",
                       .infer = infer,
                       .upgrade = upgrade,
                       .run = run,
                       .layout = LayoutRule::kAlongAxes,
                       .shape_inputs = 0b11110}),
          op<ViewAttrs>({.name = "Slice",
                         .domain = "onward",
                         .read = read_view,
                         .infer = infer_view,
                         .run = run_view,
                         .layout = LayoutRule::kTranspose})};
}

}  // namespace ow
