// Split: cuts the input along `axis` into parts whose extents input 1 lists, or into `num_outputs` parts of
// ceil(extent / num_outputs) with a smaller last one. Opsets 2 to 11 have the list as an attribute, opset 1
// as either (the input then of the type of the data); below 18 the number of parts is that of the outputs.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = 0;
  int64_t num_outputs = 0;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.axis = a.integer("axis", 0), .num_outputs = a.integer("num_outputs", 0)};
  if (a.has("num_outputs") && attrs.num_outputs < 1)
    a.fail("num_outputs", cat("is ", attrs.num_outputs, ", expected at least 1"));
  return attrs;
}

Result<std::vector<Dim>> parts_of(const Attrs& a, const InferContext& c, const Dim& extent) {
  const size_t n = c.outputs();
  if (const auto* split = c.elements(1)) {
    if (split->size() < n) return c.error("split has ", split->size(), " extents for ", n, " outputs");
    Dim sum(0);
    for (const Dim& d : *split) {
      if (d.is_constant() && *d.constant() < 0) return c.error("split has the negative extent ", d);
      sum = sum + d;
    }
    if (sum.is_constant() && extent.is_constant() && !(sum == extent))
      return c.error("the extents in split add up to ", sum, ", expected ", extent);
    return *split;
  }
  std::vector<Dim> parts;
  if (c.has(1)) {
    for (size_t i = 0; i < n; ++i) parts.push_back(Dim::unknown());
    return parts;
  }
  const int64_t count = a.num_outputs ? a.num_outputs : static_cast<int64_t>(n);
  if (count != static_cast<int64_t>(n)) return c.error("num_outputs is ", count, " for ", n, " outputs");
  const Dim part = ceil_div(extent, Dim(count));
  for (size_t i = 0; i < n; ++i) {
    const Dim before = part * Dim(static_cast<int64_t>(i));
    const bool exact = part * Dim(count) == extent;
    parts.push_back(exact ? part : max(min(part, extent - before), Dim(0)));
  }
  return parts;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    for (size_t o = 0; o < c.outputs(); ++o) c.set(o, c.dtype(0), std::nullopt);
    return {};
  }
  const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, x->size())));
  const auto parts = ONWARD_TRY(parts_of(a, c, (*x)[axis]));
  int64_t at = 0;
  bool known = c.elements(0) && x->size() == 1;
  for (size_t o = 0; o < c.outputs(); ++o) {
    SymShape shape = *x;
    shape[axis] = parts[o];
    c.set(o, c.dtype(0), std::move(shape));
    known = known && parts[o].is_constant();
    if (!known) continue;
    const auto& all = *c.elements(0);
    const int64_t end = at + *parts[o].constant();
    if (end > static_cast<int64_t>(all.size())) return c.error("split goes past the end of the input");
    c.set_elements(o, {all.begin() + at, all.begin() + end});
    at = end;
  }
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 18) return {};
  if (auto split = AttrReader(c.node()).maybe_integers("split")) {
    if (!c.in(1)) c.set_input(1, c.ints(*split));
    c.remove_attribute("split");
  } else if (c.since_version() == 1 && c.in(1)) {
    c.set_input(1, ONWARD_TRY(c.add("Cast", {c.in(1)}, {{"to", static_cast<int64_t>(DType::kInt64)}})));
  }
  if (!c.in(1)) c.set_attribute("num_outputs", static_cast<int64_t>(c.node().outputs().size()));
  return {};
}

Result<std::vector<int64_t>> read_parts(const Attrs& a, RunContext& c, int64_t extent) {
  std::vector<int64_t> parts;
  if (c.has(1)) {
    parts = ONWARD_TRY(read_ints(c, 1));
  } else {
    const int64_t count = a.num_outputs ? a.num_outputs : static_cast<int64_t>(c.outputs());
    const int64_t part = extent / count + (extent % count != 0);
    for (int64_t i = 0, left = extent; i < count && i < static_cast<int64_t>(c.outputs()); ++i) {
      parts.push_back(std::min(part, left));
      left -= parts.back();
    }
  }
  if (parts.size() < c.outputs())
    return c.error("split has ", parts.size(), " extents for ", c.outputs(), " outputs");
  int64_t left = extent;
  for (int64_t p : parts) {
    if (p < 0 || p > left)
      return c.error("split is ", list_text(parts), ", which does not fit an extent of ", extent);
    left -= p;
  }
  if (c.has(1) && left) return c.error("split is ", list_text(parts), ", expected the sum ", extent);
  return parts;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const auto parts = ONWARD_TRY(read_parts(a, c, x.dim(axis)));
  Units from = ONWARD_TRY(units_of(c, x));
  const int64_t outer = x.shape().count(0, axis), inner = x.shape().count(axis + 1, x.rank());
  int64_t at = 0;
  for (size_t o = 0; o < c.outputs(); ++o) {
    if (c.wants(o)) {
      Shape shape = x.shape();
      shape[axis] = parts[o];
      MoveOutput y = ONWARD_TRY(move_output(c, o, x.dtype(), shape));
      const int64_t to_strides[] = {parts[o] * inner, 1}, from_strides[] = {x.dim(axis) * inner, 1},
                    dims[] = {outer, parts[o] * inner};
      copy_strided_units(c, y.units, to_strides, from.at(at * inner), from_strides, dims);
      y.finish();
    }
    at += parts[o];
  }
  return {};
}

}  // namespace

ONWARD_OPS(split) {
  return {op<Attrs>({.name = "Split",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .layout = LayoutRule::kAlongAxes,
                     .shape_inputs = 2})};
}

}  // namespace ow
