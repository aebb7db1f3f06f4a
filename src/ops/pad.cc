// Pad: extends each axis at both ends (negative amounts cut). mode `constant` fills with input 2 (default
// zero), `edge` repeats the outermost element, `reflect` mirrors without repeating it, `wrap` starts over at
// the other end. What is cut is gone before the rest is mirrored. Opset 1 calls the amounts `paddings`; below
// opset 11 amounts and value are attributes.
//
// Each axis becomes a table: which input index (or none) every output index takes. The last padded axis is
// copied in runs, together with all axes behind it.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

enum class Mode { kConstant, kReflect, kEdge, kWrap };

struct Attrs {
  Mode mode = Mode::kConstant;
};

Result<Attrs> read(const AttrReader& a) {
  const std::string name = a.text("mode", "constant");
  const std::string_view names[] = {"constant", "reflect", "edge", "wrap"};
  for (int i = 0; i < 4; ++i)
    if (name == names[i]) return Attrs{static_cast<Mode>(i)};
  a.fail("mode", cat("is '", name, "', expected constant, reflect, edge or wrap"));
  return Attrs{};
}

Status infer(const Attrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  const auto* pads = c.elements(1);
  const auto listed = c.constants(3);
  if (!pads || (c.has(3) && !listed)) {
    c.set_unknown_dims(0, c.dtype(0), x->size());
    return {};
  }
  const size_t n = listed ? listed->size() : x->size();
  if (pads->size() != 2 * n) return c.error("pads has ", pads->size(), " values, expected ", 2 * n);
  SymShape shape = *x;
  for (size_t i = 0; i < n; ++i) {
    const auto axis = listed ? static_cast<size_t>(ONWARD_TRY(c.axis((*listed)[i], x->size()))) : i;
    shape[axis] = shape[axis] + (*pads)[i] + (*pads)[i + n];
    if (shape[axis].is_constant() && *shape[axis].constant() < 0)
      return c.error("pads cut more from axis ", axis, " of ", list_text(*x), " than there is");
  }
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 11) return {};
  AttrReader a(c.node());
  c.set_input(1, c.ints(a.integers(c.since_version() == 1 ? "paddings" : "pads")));
  if (a.text("mode", "constant") == "constant")
    c.set_input(2, ONWARD_TRY(c.scalar_like(c.in(0), double{a.real("value", 0)})));
  for (const char* name : {"paddings", "pads", "value"}) c.remove_attribute(name);
  return {};
}

struct AxisPads {
  int64_t begin = 0, end = 0;
};

Result<std::vector<AxisPads>> read_pads(RunContext& c) {
  const size_t rank = c.in(0).rank();
  const auto pads = ONWARD_TRY(read_ints(c, 1));
  std::vector<AxisPads> out(rank);
  std::vector<int64_t> axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  if (c.has(3)) axes = ONWARD_TRY(read_ints(c, 3));
  if (pads.size() != 2 * axes.size())
    return c.error("pads has ", pads.size(), " values, expected ", 2 * axes.size());
  std::vector<bool> seen(rank, false);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, axes[i], rank)));
    if (seen[axis]) return c.error("axes has axis ", axis, " twice");
    seen[axis] = true;
    out[axis] = {pads[i], pads[i + axes.size()]};
  }
  return out;
}

// For each output index of an axis of extent d the input index, or -1 for the constant.
Result<std::vector<int64_t>> index_table(const RunContext& c, AxisPads p, int64_t d, Mode mode) {
  const int64_t low = std::min(std::max<int64_t>(0, p.begin == INT64_MIN ? d : -p.begin), d);
  const int64_t high = std::max(low, d - std::min(std::max<int64_t>(0, p.end == INT64_MIN ? d : -p.end), d));
  const int64_t n = high - low, before = std::max<int64_t>(0, p.begin);
  auto sum = checked_add(p.begin, p.end);
  auto extent = sum ? checked_add(*sum, d) : std::nullopt;
  if (!extent || *extent < 0 || *extent > (int64_t{1} << 40))
    return c.error("pads of ", p.begin, " and ", p.end, " do not fit an extent of ", d);
  if (n == 0 && mode != Mode::kConstant && *extent > 0)
    return c.error("an empty axis can only be padded with a constant");
  const int64_t period = mode == Mode::kReflect ? 2 * std::max<int64_t>(n - 1, 1) : std::max<int64_t>(n, 1);
  std::vector<int64_t> table(static_cast<size_t>(*extent));
  for (int64_t i = 0; i < *extent; ++i) {
    int64_t k = i - before;
    if (k < 0 || k >= n) {
      const int64_t wrapped = (k % period + period) % period;
      if (mode == Mode::kConstant)
        k = -1 - low;
      else if (mode == Mode::kEdge)
        k = k < 0 ? 0 : n - 1;
      else
        k = mode == Mode::kReflect && wrapped >= n ? period - wrapped : wrapped;
      if (mode == Mode::kReflect && n == 1) k = 0;
    }
    table[static_cast<size_t>(i)] = k + low;
  }
  return table;
}

struct Run {
  int64_t to, from, count;  // from -1: the constant
};

std::vector<Run> runs_of(const std::vector<int64_t>& table) {
  std::vector<Run> runs;
  for (size_t i = 0; i < table.size(); ++i) {
    const int64_t from = table[i];
    const bool joins =
        !runs.empty() && (from < 0 ? runs.back().from < 0
                                   : runs.back().from >= 0 && runs.back().from + runs.back().count == from);
    if (joins)
      ++runs.back().count;
    else
      runs.push_back({static_cast<int64_t>(i), from, 1});
  }
  return runs;
}

struct Plan {
  std::vector<std::vector<int64_t>> tables;  // of the axes before the last padded one
  std::vector<Run> runs;                     // of that one, in units
  std::vector<int64_t> outer_dims;
  int64_t row_to = 0, row_from = 0;  // units per row
};

void copy_rows(const RunContext& c, const Plan& plan, const Tensor& x, const Units& to, const Units& from,
               const Units& constant) {
  const int64_t rows = checked_product(plan.outer_dims).value_or(0);
  c.parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(plan.row_to, 1)),
                 [&](int64_t begin, int64_t end) {
                   Odometer at(plan.outer_dims);
                   at.seek(begin);
                   for (int64_t r = begin; r < end; ++r, at.step()) {
                     int64_t row = 0;
                     for (size_t i = 0; i < plan.tables.size() && row >= 0; ++i) {
                       const int64_t k = plan.tables[i][static_cast<size_t>(at[i])];
                       row = k < 0 ? -1 : row * x.dim(i) + k;
                     }
                     const Units line = to.at(r * plan.row_to);
                     if (row < 0) {
                       fill_units(line, constant, plan.row_to);
                       continue;
                     }
                     for (const Run& run : plan.runs)
                       if (run.from < 0)
                         fill_units(line.at(run.to), constant, run.count);
                       else
                         copy_units(line.at(run.to), from.at(row * plan.row_from + run.from), run.count);
                   }
                 });
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto pads = ONWARD_TRY(read_pads(c));
  size_t last = 0;
  Shape shape = x.shape();
  Plan plan;
  for (size_t i = 0; i < x.rank(); ++i)
    if (pads[i].begin || pads[i].end) last = i;
  for (size_t i = 0; i <= last && i < x.rank(); ++i) {
    plan.tables.push_back(ONWARD_TRY(index_table(c, pads[i], x.dim(i), a.mode)));
    shape[i] = static_cast<int64_t>(plan.tables.back().size());
  }
  Tensor zero = ONWARD_TRY(Tensor::allocate(x.dtype(), {}));
  if (c.has(2)) {
    if (c.in(2).count() != 1 || c.in(2).dtype() != x.dtype())
      return c.error("constant_value is ", c.in(2).dtype(), c.in(2).shape(), ", expected one ", x.dtype());
    zero = c.in(2);
  } else if (x.dtype() != DType::kString) {
    std::memset(zero.mutable_raw(), 0, static_cast<size_t>(zero.bytes()));
  }
  Units from = ONWARD_TRY(units_of(c, x)), constant = ONWARD_TRY(units_of(c, zero));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  if (x.rank() == 0) {
    copy_units(y.units, from, 1);
    y.finish();
    return {};
  }
  const int64_t inner = x.shape().count(last + 1, x.rank());
  plan.runs = runs_of(plan.tables.back());
  plan.tables.pop_back();
  for (Run& r : plan.runs) r = {r.to * inner, r.from < 0 ? -1 : r.from * inner, r.count * inner};
  plan.outer_dims.assign(shape.begin(), shape.begin() + last);
  plan.row_to = shape[last] * inner;
  plan.row_from = x.dim(last) * inner;
  copy_rows(c, plan, x, y.units, from, constant);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(pad) {
  return {op<Attrs>({.name = "Pad",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .layout = LayoutRule::kAlongAxes,
                     .shape_inputs = 0b1010})};
}

}  // namespace ow
