// Resize: resamples the listed axes to given sizes or by given scales, by nearest, linear or cubic
// interpolation. Which input position an output index means is a rule of its own per axis
// (ops/op/resize_axis.h), so the interpolation is a pass per axis with a table of indices and weights.
//
// Opset 10 has no choice of coordinates: asymmetric. Upsample is its older name.
// Integers are interpolated in double and truncated.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/resize.h"
#include "ops/op/move.h"
#include "ops/op/op.h"
#include "ops/op/resize_axis.h"
#include "tensor/convert.h"

namespace ow {
namespace {

enum class Policy { kStretch, kNotLarger, kNotSmaller };

struct Attrs {
  ResizeRule rule;
  std::optional<ir::Ints> axes;
  double extrapolation_value = 0;
  Policy policy = Policy::kStretch;
};

template <class E>
E choice(const AttrReader& a, std::string_view name, std::initializer_list<std::string_view> words) {
  const std::string word = a.text(name, *words.begin());
  int i = 0;
  for (std::string_view w : words) {
    if (w == word) return static_cast<E>(i);
    ++i;
  }
  a.fail(name, cat("is '", word, "', expected one of ",
                   list_text(std::vector<std::string>(words.begin(), words.end()))));
  return E{};
}

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs;
  attrs.rule.mode = choice<ResizeMode>(a, "mode", {"nearest", "linear", "cubic"});
  attrs.rule.coordinates = choice<Coordinates>(a, "coordinate_transformation_mode",
                                               {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",
                                                "align_corners", "asymmetric", "tf_crop_and_resize"});
  attrs.rule.nearest =
      choice<NearestMode>(a, "nearest_mode", {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  attrs.rule.cubic_a = double{a.real("cubic_coeff_a", -0.75f)};
  attrs.rule.antialias = a.flag("antialias", false);
  attrs.rule.exclude_outside = a.flag("exclude_outside", false);
  attrs.axes = a.maybe_integers("axes");
  attrs.extrapolation_value = double{a.real("extrapolation_value", 0)};
  attrs.policy = choice<Policy>(a, "keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"});
  return attrs;
}

// One resized axis: what `scales` or `sizes` ask of it.
struct Request {
  size_t axis;
  double scale;
  int64_t out;
};

double policy_scale(Policy policy, const std::vector<int64_t>& sizes, const std::vector<int64_t>& extents) {
  double best = policy == Policy::kNotLarger ? INFINITY : 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double scale = static_cast<double>(sizes[i]) / static_cast<double>(extents[i]);
    best = policy == Policy::kNotLarger ? std::min(best, scale) : std::max(best, scale);
  }
  return best;
}

// The requests for axes of known extents; an error text where the values make no sense.
Result<std::vector<Request>> requests(const Attrs& a, const std::vector<size_t>& axes,
                                      const std::vector<int64_t>& extents, const std::vector<int64_t>& sizes,
                                      const std::vector<double>& scales) {
  if ((sizes.empty() ? scales.size() : sizes.size()) != axes.size())
    return invalid_argument(sizes.empty() ? "scales" : "sizes", " has ",
                            sizes.empty() ? scales.size() : sizes.size(), " values for ", axes.size(),
                            " axes");
  std::vector<Request> out;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (std::find(axes.begin(), axes.begin() + static_cast<ptrdiff_t>(i), axes[i]) !=
        axes.begin() + static_cast<ptrdiff_t>(i))
      return invalid_argument("attribute 'axes' names axis ", axes[i], " twice");
    const auto in = static_cast<double>(extents[i]);
    Request r{axes[i], 1, 0};
    if (sizes.empty()) {
      r.scale = scales[i];
      if (!(r.scale > 0) || in * r.scale > 1e12)
        return invalid_argument("scale ", i, " is not a usable positive number");
      r.out = static_cast<int64_t>(std::floor(in * r.scale));
    } else if (sizes[i] < 0 || (extents[i] == 0 && sizes[i] > 0)) {
      return invalid_argument("size ", sizes[i], " cannot be made from an extent of ", extents[i]);
    } else if (a.policy == Policy::kStretch || extents[i] == 0) {
      r.scale = extents[i] ? static_cast<double>(sizes[i]) / in : 1;
      r.out = sizes[i];
    } else {
      r.scale = policy_scale(a.policy, sizes, extents);
      r.out = static_cast<int64_t>(std::floor(std::min(r.scale * in, 1e12) + 0.5));
    }
    out.push_back(r);
  }
  return out;
}

bool given(const InferContext& c, size_t i) {
  return c.has(i) && !(c.shape(i) && c.shape(i)->size() == 1 && (*c.shape(i))[0].is(0));
}

std::vector<double> as_doubles(const Tensor& t) {
  auto wide = convert(t, DType::kFloat64);
  if (!wide.ok()) return {};
  return {wide->data<double>(), wide->data<double>() + wide->count()};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (given(c, 2) == given(c, 3)) return c.error("expected exactly one of scales and sizes");
  std::vector<size_t> axes;
  std::vector<int64_t> extents;
  if (a.axes)
    for (int64_t i : *a.axes) axes.push_back(static_cast<size_t>(ONWARD_TRY(c.axis(i, x->size()))));
  else
    for (size_t i = 0; i < x->size(); ++i) axes.push_back(i);
  SymShape shape = *x;
  for (size_t i : axes) {
    extents.push_back((*x)[i].constant().value_or(-1));
    shape[i] = Dim::unknown();
  }
  const bool concrete = std::find(extents.begin(), extents.end(), -1) == extents.end();
  const auto sizes = given(c, 3) ? c.constants(3) : std::nullopt;
  const Tensor* scales = given(c, 2) ? c.constant(2) : nullptr;
  if (concrete && (sizes || scales)) {
    auto made = requests(a, axes, extents, sizes.value_or(ir::Ints{}),
                         scales ? as_doubles(*scales) : std::vector<double>{});
    if (!made.ok()) return c.error(made.status().message());
    for (const Request& r : *made) shape[r.axis] = Dim(r.out);
  } else if (scales) {
    const auto by = as_doubles(*scales);
    for (size_t i = 0; i < axes.size() && i < by.size(); ++i)
      if (by[i] >= 1 && by[i] == std::floor(by[i]) && by[i] < 1e6)
        shape[axes[i]] = (*x)[axes[i]] * Dim(static_cast<int64_t>(by[i]));
  } else if (const auto* wanted = given(c, 3) && a.policy == Policy::kStretch ? c.elements(3) : nullptr) {
    for (size_t i = 0; i < axes.size() && i < wanted->size(); ++i) shape[axes[i]] = (*wanted)[i];
  }
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

// nearest takes the next higher input where an axis shrinks and the next lower where it grows. Axes are
// independent, so a mixture is one node after the other.
Status upgrade_10(Rewriter& c) {
  const std::string mode = AttrReader(c.node()).text("mode", "nearest");
  auto resize = [&](ir::Value* x, ir::Value* scales, const char* nearest) {
    return c.add("Resize", {x, nullptr, scales},
                 {{"mode", mode},
                  {"coordinate_transformation_mode", std::string("asymmetric")},
                  {"nearest_mode", std::string(nearest)}});
  };
  const auto& known = c.in(1)->fact.constant;
  const std::vector<double> scales = known ? as_doubles(*known) : std::vector<double>{};
  auto shrinks = [](double s) { return s < 1; };
  if (mode != "nearest" || (known && std::none_of(scales.begin(), scales.end(), shrinks)))
    return c.replace({ONWARD_TRY(resize(c.in(0), c.in(1), "floor"))});
  if (!known) {
    ir::Value* one = ONWARD_TRY(c.scalar_like(c.in(1), 1));
    ir::Value* down = ONWARD_TRY(c.add("Min", {c.in(1), one}));
    ir::Value* up = ONWARD_TRY(c.add("Max", {c.in(1), one}));
    ir::Value* y = ONWARD_TRY(resize(c.in(0), down, "ceil"));
    return c.replace({ONWARD_TRY(resize(y, up, "floor"))});
  }
  std::vector<float> down, up;
  for (double s : scales) {
    down.push_back(static_cast<float>(std::min(s, 1.0)));
    up.push_back(static_cast<float>(std::max(s, 1.0)));
  }
  const Shape shape{static_cast<int64_t>(scales.size())};
  ir::Value* y = ONWARD_TRY(resize(c.in(0), c.constant(Tensor::of<float>(shape, down)), "ceil"));
  if (std::any_of(up.begin(), up.end(), [](float s) { return s > 1; }))
    y = ONWARD_TRY(resize(y, c.constant(Tensor::of<float>(shape, up)), "floor"));
  return c.replace({y});
}

// tf_half_pixel_for_nn is half_pixel without its - 0.5, which the rounding makes up for.
Status upgrade(Rewriter& c) {
  if (c.since_version() < 11) return upgrade_10(c);
  AttrReader a(c.node());
  if (a.text("coordinate_transformation_mode", "") != "tf_half_pixel_for_nn") return {};
  const std::string rounding = a.text("nearest_mode", "round_prefer_floor");
  const bool down = rounding == "floor", half_down = rounding == "round_prefer_floor";
  if (a.text("mode", "nearest") != "nearest" || (!down && !half_down))
    return c.cannot("tf_half_pixel_for_nn is supported with mode nearest, and nearest_mode floor or ",
                    "round_prefer_floor, only");
  c.set_attribute("coordinate_transformation_mode", std::string("half_pixel"));
  c.set_attribute("nearest_mode", std::string(down ? "round_prefer_ceil" : "ceil"));
  return {};
}

Status upgrade_upsample(Rewriter& c) {
  AttrReader a(c.node());
  std::string mode = a.text("mode", "nearest");
  if (mode == "bilinear") mode = "linear";
  ir::Value* scales = c.in(1);
  if (c.since_version() < 9) {
    std::vector<float> values = a.reals("scales");
    if (c.since_version() < 7) values = {1, 1, a.real("height_scale", 1), a.real("width_scale", 1)};
    scales = c.constant(Tensor::of<float>({static_cast<int64_t>(values.size())}, values));
  }
  return c.replace({ONWARD_TRY(c.add("Resize", {c.in(0), nullptr, scales},
                                     {{"mode", mode},
                                      {"coordinate_transformation_mode", std::string("asymmetric")},
                                      {"nearest_mode", std::string("floor")}}))});
}

// Whether the memory limit allows for the axis's table, before it is made.
Status check_table(const ResizeRule& rule, const RunContext& c, const ResizeAxis& axis) {
  const double shrink =
      rule.antialias ? std::clamp(axis.scale, 0.5 / static_cast<double>(axis.in), 1.0) : 1.0;
  const double taps = rule.mode == ResizeMode::kNearest ? 1 : 4 / shrink + 2;
  const double bytes = static_cast<double>(axis.out) * taps * (sizeof(int64_t) + sizeof(double));
  if (bytes > 1e18) return limit_exceeded("an axis of ", axis.out, " elements is more than memory can hold");
  if (!c.budget()) return {};
  ONWARD_TRY(c.budget()->acquire(static_cast<int64_t>(bytes)));
  c.budget()->release(static_cast<int64_t>(bytes));
  return {};
}

Result<std::vector<ResizeAxis>> make_axes(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  std::vector<size_t> axes;
  std::vector<int64_t> extents, sizes;
  std::vector<double> scales, roi;
  for (size_t i = 0; i < (a.axes ? a.axes->size() : x.rank()); ++i) {
    const int64_t axis = a.axes ? (*a.axes)[i] : static_cast<int64_t>(i);
    axes.push_back(static_cast<size_t>(ONWARD_TRY(read_axis(c, axis, x.rank()))));
  }
  for (size_t i : axes) extents.push_back(x.dim(i));
  if (c.has(3) && c.in(3).count() > 0) sizes = ONWARD_TRY(read_ints(c, 3));
  if (c.has(2)) scales = as_doubles(c.in(2));
  auto made = requests(a, axes, extents, sizes, scales);
  if (!made.ok()) return c.error(made.status().message());
  if (a.rule.coordinates == Coordinates::kTfCropAndResize) {
    if (c.has(1)) roi = as_doubles(c.in(1));
    if (roi.size() != 2 * axes.size())
      return c.error("roi has ", roi.size(), " values, expected ", 2 * axes.size());
  }
  std::vector<ResizeAxis> out(x.rank());
  for (size_t i = 0; i < x.rank(); ++i) out[i].in = out[i].out = x.dim(i);
  for (size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = out[axes[i]];
    axis.out = (*made)[i].out;
    axis.scale = (*made)[i].scale;
    if (!roi.empty()) {
      axis.start = roi[i];
      axis.end = roi[i + axes.size()];
    }
    if (axis.in < 1 || axis.out < 1) continue;
    ONWARD_TRY(check_table(a.rule, c, axis));
    fill_table(a.rule, axis);
  }
  return out;
}

// Writes the extrapolation value wherever any axis looked outside the input.
void fill_outside(const std::vector<ResizeAxis>& axes, const Shape& shape, const Units& y,
                  const Units& value) {
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t inner = shape.count(i + 1, shape.rank()), outer = shape.count(0, i);
    for (size_t k = 0; k < axes[i].outside.size(); ++k)
      for (int64_t o = 0; o < outer && axes[i].outside[k]; ++o)
        fill_units(y.at((o * shape[i] + static_cast<int64_t>(k)) * inner), value, inner);
  }
}

// One output row of `nearest` after the other, each of the columns of an input row; a row like the one before
// is copied from it.
struct NearestRows {
  const std::vector<ResizeAxis>& axes;
  const Shape& in;
  std::vector<int64_t> outer;    // output extents of the axes before the columns
  std::vector<int64_t> columns;  // the input column of each output column
  int64_t inner = 1;             // units of a column
  bool twice = false;            // every column two times

  int64_t source(const Odometer& at) const {
    int64_t row = 0;
    for (size_t i = 0; i < outer.size(); ++i)
      row = row * in[i] + (axes[i].index.empty() ? at[i] : axes[i].index[static_cast<size_t>(at[i])]);
    return row;
  }

  void expand(const Units& to, const Units& from) const {
    const auto n = static_cast<int64_t>(columns.size());
    if (twice && to.unit_bytes == 4 && inner == 1) {
      kernels::repeat_twice(from.data, n / 2, to.data);
    } else if (to.unit_bytes == 4 && inner == 1) {
      for (int64_t i = 0; i < n; ++i)
        std::memcpy(to.data + 4 * i, from.data + 4 * columns[static_cast<size_t>(i)], 4);
    } else {
      for (int64_t i = 0; i < n; ++i)
        copy_units(to.at(i * inner), from.at(columns[static_cast<size_t>(i)] * inner), inner);
    }
  }

  void run(const Units& to, const Units& from, int64_t begin, int64_t end) const {
    const int64_t out_row = static_cast<int64_t>(columns.size()) * inner, in_row = in[outer.size()] * inner;
    Odometer at(outer);
    at.seek(begin);
    int64_t last = -1;
    for (int64_t r = begin; r < end; ++r, at.step()) {
      const int64_t row = source(at);
      if (row == last)
        copy_units(to.at(r * out_row), to.at((r - 1) * out_row), out_row);
      else
        expand(to.at(r * out_row), from.at(row * in_row));
      last = row;
    }
  }
};

Status run_nearest(const Attrs& a, RunContext& c, const std::vector<ResizeAxis>& axes, const Shape& shape) {
  const Tensor& x = c.in(0);
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
  if (y.tensor.count() == 0) return {};
  if (shape.rank() == 0) {
    copy_units(y.units, from, 1);
    y.finish();
    return {};
  }
  size_t last = 0;
  for (size_t i = 0; i < axes.size(); ++i)
    if (!axes[i].index.empty() && !axes[i].identity()) last = i;
  NearestRows rows{axes, x.shape(), {shape.begin(), shape.begin() + last}, {}};
  rows.inner = x.shape().count(last + 1, x.rank());
  rows.twice = shape[last] == 2 * x.dim(last);
  for (int64_t i = 0; i < shape[last]; ++i) {
    rows.columns.push_back(axes[last].index.empty() ? i : axes[last].index[static_cast<size_t>(i)]);
    rows.twice &= rows.columns.back() == i / 2;
  }
  c.parallel_for(shape.count(0, last), std::max<int64_t>(1, 32768 / (shape[last] * rows.inner)),
                 [&](int64_t begin, int64_t end) { rows.run(y.units, from, begin, end); });
  if (a.rule.coordinates == Coordinates::kTfCropAndResize) {
    if (x.dtype() == DType::kString) return c.error("strings have no extrapolation value");
    Tensor value = ONWARD_TRY(convert(Tensor::scalar(a.extrapolation_value), x.dtype()));
    fill_outside(axes, shape, y.units, ONWARD_TRY(units_of(c, value)));
  }
  y.finish();
  return {};
}

// The tables of an axis as the plane kernel reads them; an axis that stays as it is has none.
struct PlaneAxis {
  std::vector<int32_t> index;
  std::vector<float> weight;
  kernels::ResizeAxisTable table;

  PlaneAxis(const ResizeAxis* a, int64_t extent, bool by_tap) : table{extent, extent} {
    if (!a) return;
    const auto taps = static_cast<size_t>(a->taps), out = static_cast<size_t>(a->out);
    for (size_t i = 0; i < taps * out; ++i) {
      const size_t from = by_tap ? i % out * taps + i / out : i;
      index.push_back(static_cast<int32_t>(a->index[from]));
      weight.push_back(static_cast<float>(a->weight[from]));
    }
    table = {a->in, a->out, a->taps, index.data(), weight.data()};
  }
};

// Axes `row` and `column`, next to each other, at once; -1: there is no such axis.
Status resize_pair(RunContext& c, const std::vector<ResizeAxis>& axes, const Shape& in, int row, int column,
                   const float* from, float* to) {
  const auto first = static_cast<size_t>(row >= 0 ? row : column);
  const auto behind = static_cast<size_t>(column >= 0 ? column : row) + 1;
  const PlaneAxis rows(row >= 0 ? &axes[first] : nullptr, 1, false);
  const PlaneAxis columns(column >= 0 ? &axes[behind - 1] : nullptr, 1, true);
  const kernels::ResizePlanes p{in.count(0, first), in.count(behind, in.rank()), rows.table, columns.table};
  const auto bytes = static_cast<int64_t>(kernels::resize_scratch_bytes(p, c.threads()));
  kernels::resize_planes(p, from, to, ONWARD_TRY(c.scratch(bytes)).data(), c.threads());
  return {};
}

// The float axes to resize together at last: the two of them that are next to each other, or the only one.
std::optional<std::pair<int, int>> last_planes(const std::vector<ResizeAxis>& axes,
                                               const std::vector<size_t>& order) {
  for (size_t i : order)
    if (axes[i].in > INT32_MAX || axes[i].out > INT32_MAX) return std::nullopt;
  const auto [low, high] =
      std::minmax(order.back(), order.size() > 1 ? order[order.size() - 2] : order.back());
  if (order.size() == 1) {
    const bool is_inner = low + 1 == axes.size();
    return is_inner ? std::pair(-1, static_cast<int>(low)) : std::pair(static_cast<int>(low), -1);
  }
  if (high != low + 1) return std::nullopt;
  return std::pair(static_cast<int>(low), static_cast<int>(high));
}

// All passes over a contiguous tensor of T into `y`.
template <class T>
Status run_passes(RunContext& c, const Tensor& x, const std::vector<ResizeAxis>& axes, Tensor& y) {
  std::vector<size_t> order;
  for (size_t i = 0; i < axes.size(); ++i)
    if (!axes[i].index.empty() && !axes[i].identity()) order.push_back(i);
  if (order.empty()) {
    copy_elements(x, y);
    return {};
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t i, size_t j) { return axes[i].scale < axes[j].scale; });
  std::optional<std::pair<int, int>> planes;
  if constexpr (std::is_same_v<T, float>) planes = last_planes(axes, order);
  if (planes) order.resize(order.size() - (planes->first >= 0) - (planes->second >= 0));
  Shape shape = x.shape();
  const T* from = x.data<T>();
  for (size_t pass = 0; pass < order.size(); ++pass) {
    const ResizeAxis& axis = axes[order[pass]];
    const std::vector<T> weight(axis.weight.begin(), axis.weight.end());
    shape[order[pass]] = axis.out;
    T* to = y.mutable_data<T>();
    if (planes || pass + 1 < order.size()) {
      if (shape.count() < 0) return c.error("the output is too large");
      to = ONWARD_TRY(c.scratch_of<T>(shape.count())).data();
    }
    const kernels::ResizeTable<T> table{axis.in, axis.out, axis.taps, axis.index.data(), weight.data()};
    const int64_t inner = shape.count(order[pass] + 1, shape.rank());
    c.parallel_for(shape.count(0, order[pass]) * axis.out, std::max<int64_t>(1, 8192 / inner / axis.taps),
                   [&](int64_t begin, int64_t end) { resize_rows(from, to, inner, table, begin, end); });
    from = to;
  }
  if constexpr (std::is_same_v<T, float>)
    if (planes) return resize_pair(c, axes, shape, planes->first, planes->second, from, y.mutable_data<T>());
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto axes = ONWARD_TRY(make_axes(a, c));
  Shape shape;
  for (const ResizeAxis& axis : axes) shape.push_back(axis.out);
  if (a.rule.mode == ResizeMode::kNearest) return run_nearest(a, c, axes, shape);
  if (x.dtype() == DType::kString || is_complex(x.dtype()))
    return c.error("values of type ", x.dtype(), " can only be resized with mode nearest");
  const bool direct = x.dtype() == DType::kFloat32 || x.dtype() == DType::kFloat64;
  const DType wide =
      x.dtype() == DType::kFloat32 || (!direct && is_floating(x.dtype())) ? DType::kFloat32 : DType::kFloat64;
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), shape));
  if (y.count() == 0) return {};
  Tensor from = x, to = y;
  if (!direct) {
    from = ONWARD_TRY(convert(x, wide, true, Round::kUp, c.budget()));
    to = ONWARD_TRY(Tensor::allocate(wide, shape, c.budget()));
  }
  ONWARD_TRY(wide == DType::kFloat32 ? run_passes<float>(c, from, axes, to)
                                     : run_passes<double>(c, from, axes, to));
  if (a.rule.coordinates == Coordinates::kTfCropAndResize) {
    Tensor value = ONWARD_TRY(convert(Tensor::scalar(a.extrapolation_value), wide));
    fill_outside(axes, shape, ONWARD_TRY(units_of(c, to)), ONWARD_TRY(units_of(c, value)));
  }
  return direct ? Status() : convert_into(to, y);
}

Status infer_upsample(const NoAttrs&, InferContext& c) {
  c.set(0, c.dtype(0), std::nullopt);
  return {};
}

}  // namespace

ONWARD_OPS(resize) {
  return {op<Attrs>({.name = "Resize",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .layout = LayoutRule::kAlongAxes,
                     .shape_inputs = 0b1100}),
          op<NoAttrs>({.name = "Upsample", .infer = infer_upsample, .upgrade = upgrade_upsample})};
}

}  // namespace ow
