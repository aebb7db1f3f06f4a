// Operators of ai.onnx that the releases up to 1.4 had as experiments (onnx/defs/experiments) and that no
// opset took over until then. Exporters of that time wrote them, and the official cases of 1.3.0 hold some.
//
//   Affine              alpha x + beta                   ParametricSoftplus  alpha ln(exp(beta x) + 1)
//   ScaledTanh          alpha tanh(beta x)               Scale               scale x
//   ImageScaler         scale x + bias[c]                Crop                borders of an image off
//   DynamicSlice        Slice as of opset 10             ConstantFill        one value in a given shape
//   GivenTensorFill     given values in a given shape
//
// ThresholdedRelu and MeanVarianceNormalization were experiments before the opsets 10 and 9. None has a
// schema; they live in a domain of the engine's until import has written them in today's operators, so that
// the graph and what is exported from it know nothing of them. ATen and GRUUnit were never defined well
// enough to be run.
#include <limits>

#include "ops/op/experimental.h"
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();

struct Line {  // alpha f(beta x) + offset
  float alpha = 1, beta = 1, offset = 0;
};

struct Fill {
  ir::Ints shape, extra_shape;
  bool has_shape = false, input_as_shape = false;
  DType dtype = DType::kFloat32;
  float value = 0;
  ir::Floats values;
};

struct Window {
  ir::Ints border, scale;
};

struct Normalization {
  ir::Ints axes;
  bool variance = true;
};

struct Channels {
  float scale = 1;
  ir::Floats bias;
};

float needed(const AttrReader& a, std::string_view name) {
  if (!a.has(name)) a.fail(name, "is missing and has no default");
  return a.real(name, 0);
}

Result<Line> read_affine(const AttrReader& a) { return Line{a.real("alpha", 1), 1, a.real("beta", 0)}; }
Result<Line> read_scale(const AttrReader& a) { return Line{a.real("scale", 1), 1, 0}; }
Result<Line> read_curve(const AttrReader& a) { return Line{needed(a, "alpha"), needed(a, "beta"), 0}; }

Result<Channels> read_channels(const AttrReader& a) { return Channels{a.real("scale", 1), a.reals("bias")}; }

Result<Line> read_threshold(const AttrReader& a) { return Line{a.real("alpha", 1), 1, 0}; }

// Files of 1.3, where the operator was a function already, may have axes.
Result<Normalization> read_normalization(const AttrReader& a) {
  const ir::Ints otherwise = a.flag("across_channels", false) ? ir::Ints{0, 1, 2, 3} : ir::Ints{0, 2, 3};
  return Normalization{a.integers("axes", otherwise), a.flag("normalize_variance", true)};
}

Result<Window> read_window(const AttrReader& a) {
  Window w{a.integers("border"), a.integers("scale")};
  for (int64_t i : w.border)
    if (i < 0) a.fail("border", cat("has ", i, ", expected extents of 0 or more"));
  for (int64_t i : w.scale)
    if (i < 0) a.fail("scale", cat("has ", i, ", expected a height and a width of 0 or more"));
  if (w.border.size() != 4) a.fail("border", cat("has ", w.border.size(), " values, expected 4"));
  if (!w.scale.empty() && w.scale.size() != 2)
    a.fail("scale", cat("has ", w.scale.size(), " values, expected a height and a width"));
  return w;
}

Result<Fill> read_fill(const AttrReader& a) {
  Fill f{.shape = a.integers("shape"),
         .extra_shape = a.integers("extra_shape"),
         .has_shape = a.has("shape"),
         .input_as_shape = a.flag("input_as_shape", false),
         .dtype = a.dtype("dtype", DType::kFloat32),
         .value = a.real("value", 0),
         .values = a.reals("values")};
  if (f.dtype != DType::kFloat32 && f.dtype != DType::kInt32 && f.dtype != DType::kInt64 &&
      f.dtype != DType::kBool)
    a.fail("dtype", cat("is ", f.dtype, ", expected float, int32, int64 or bool"));
  for (const ir::Ints* extents : {&f.shape, &f.extra_shape})
    for (int64_t i : *extents)
      if (i < 0)
        a.fail(extents == &f.shape ? "shape" : "extra_shape",
               cat("has ", i, ", expected extents of 0 or more"));
  return f;
}

template <class A>
Status infer(const A&, InferContext& c) {
  for (size_t i = 0; i < c.node().outputs().size(); ++i) c.set(i, c.dtype(0), std::nullopt);
  return {};
}

Status check_inputs(Rewriter& c, size_t least, size_t most) {
  const size_t given = c.node().inputs().size();
  if (given > most) return c.error("has ", given, " inputs, expected at most ", most);
  for (size_t i = 0; i < least; ++i)
    if (!c.in(i)) return c.error("input ", i, " is required");
  if (c.node().outputs().size() != 1)
    return c.error("has ", c.node().outputs().size(), " outputs, expected 1");
  return {};
}

Result<ir::Value*> times(Rewriter& c, ir::Value* x, double factor) {
  if (factor == 1) return x;
  ir::Value* by = ONWARD_TRY(c.scalar_like(x, factor));
  return c.add("Mul", {x, by});
}

Status replace(Rewriter& c, ir::Value* y) {
  if (y == c.in(0)) y = ONWARD_TRY(c.add("Identity", {y}));
  return c.replace({y});
}

Status lower_line(const Line& a, Rewriter& c, const char* function) {
  ONWARD_TRY(check_inputs(c, 1, 1));
  ir::Value* y = ONWARD_TRY(times(c, c.in(0), a.beta));
  if (function) y = ONWARD_TRY(c.add(function, {y}));
  y = ONWARD_TRY(times(c, y, a.alpha));
  if (a.offset != 0) {
    ir::Value* offset = ONWARD_TRY(c.scalar_like(y, a.offset));
    y = ONWARD_TRY(c.add("Add", {y, offset}));
  }
  return replace(c, y);
}

Status lower_plain(const Line& a, Rewriter& c) { return lower_line(a, c, nullptr); }
Status lower_tanh(const Line& a, Rewriter& c) { return lower_line(a, c, "Tanh"); }
Status lower_softplus(const Line& a, Rewriter& c) { return lower_line(a, c, "Softplus"); }

Status lower_threshold(const Line& a, Rewriter& c) {
  ONWARD_TRY(check_inputs(c, 1, 1));
  return c.replace({ONWARD_TRY(c.add("ThresholdedRelu", {c.in(0)}, {{"alpha", a.alpha}}))});
}

Status lower_normalization(const Normalization& a, Rewriter& c) {
  ONWARD_TRY(check_inputs(c, 1, 1));
  if (a.variance)
    return c.replace({ONWARD_TRY(c.add("MeanVarianceNormalization", {c.in(0)}, {{"axes", a.axes}}))});
  ir::Value* mean = ONWARD_TRY(c.add("ReduceMean", {c.in(0), c.ints(a.axes)}));
  return c.replace({ONWARD_TRY(c.add("Sub", {c.in(0), mean}))});
}

Status lower_image_scaler(const Channels& a, Rewriter& c) {
  ONWARD_TRY(check_inputs(c, 1, 1));
  const int64_t channels = static_cast<int64_t>(a.bias.size());
  const SymShape* x = c.shape(c.in(0));
  if (x && x->size() != 4) return c.error("input 0 has rank ", x->size(), ", expected [N,C,H,W]");
  if (x && channels > 0 && (*x)[1].constant().value_or(channels) != channels)
    return c.error("attribute 'bias' has ", channels, " values, expected ", *(*x)[1].constant(),
                   ", one for each channel");
  ir::Value* y = ONWARD_TRY(times(c, c.in(0), a.scale));
  if (channels == 0) return replace(c, y);
  Tensor bias = ONWARD_TRY(convert(Tensor::of<float>({channels, 1, 1}, a.bias), c.in(0)->type().dtype));
  return c.replace({ONWARD_TRY(c.add("Add", {y, c.constant(std::move(bias))}))});
}

Status lower_crop(const Window& a, Rewriter& c) {
  ONWARD_TRY(check_inputs(c, 1, 1));
  auto end = [&](int64_t begin, size_t extent, int64_t border) {
    if (!a.scale.empty()) return a.scale[extent] > kToTheEnd - begin ? kToTheEnd : begin + a.scale[extent];
    return border == 0 ? kToTheEnd : -border;
  };
  const int64_t left = a.border[0], top = a.border[1];
  return c.replace({ONWARD_TRY(
      c.add("Slice", {c.in(0), c.ints({top, left}),
                      c.ints({end(top, 0, a.border[3]), end(left, 1, a.border[2])}), c.ints({2, 3})}))});
}

Status lower_slice(const NoAttrs&, Rewriter& c) {
  ONWARD_TRY(check_inputs(c, 3, 4));
  return c.replace({ONWARD_TRY(c.add("Slice", {c.in(0), c.in(1), c.in(2), c.in(3)}))});
}

Result<ir::Value*> filled_shape(const Fill& a, Rewriter& c) {
  ONWARD_TRY(check_inputs(c, 0, 1));
  if (!c.in(0)) {
    if (!a.extra_shape.empty()) return c.error("attribute 'extra_shape' needs an input");
    return c.ints(a.shape);
  }
  if (a.has_shape) return c.error("has an input and attribute 'shape', expected one of them");
  ir::Value* shape = a.input_as_shape
                         ? ONWARD_TRY(c.add("Cast", {c.in(0)}, {{"to", static_cast<int64_t>(DType::kInt64)}}))
                         : ONWARD_TRY(c.add("Shape", {c.in(0)}));
  if (a.extra_shape.empty()) return shape;
  return c.add("Concat", {shape, c.ints(a.extra_shape)}, {{"axis", int64_t{0}}});
}

Status lower_constant_fill(const Fill& a, Rewriter& c) {
  ir::Value* shape = ONWARD_TRY(filled_shape(a, c));
  Tensor value = ONWARD_TRY(convert(Tensor::of<float>({1}, {&a.value, 1}), a.dtype));
  return c.replace({ONWARD_TRY(c.add("ConstantOfShape", {shape}, {{"value", std::move(value)}}))});
}

Status lower_tensor_fill(const Fill& a, Rewriter& c) {
  ir::Value* shape = ONWARD_TRY(filled_shape(a, c));
  const DType to = c.in(0) && is_floating(c.in(0)->type().dtype) ? c.in(0)->type().dtype : DType::kFloat32;
  Tensor values = Tensor::of<float>({static_cast<int64_t>(a.values.size())}, a.values);
  ir::Value* flat = c.constant(ONWARD_TRY(convert(values, to)));
  return c.replace({ONWARD_TRY(c.add("Reshape", {flat, shape}, {{"allowzero", int64_t{1}}}))});
}

template <class A>
auto experiment(std::string_view name, Result<A> (*read)(const AttrReader&),
                Status (*lower)(const A&, Rewriter&)) {
  return op<A>(
      {.name = name, .domain = kExperimentalDomain, .read = read, .infer = infer<A>, .lower = lower});
}

}  // namespace

ONWARD_OPS(experimental) {
  return {experiment<Line>("Affine", read_affine, lower_plain),
          experiment<Line>("Scale", read_scale, lower_plain),
          experiment<Line>("ScaledTanh", read_curve, lower_tanh),
          experiment<Line>("ParametricSoftplus", read_curve, lower_softplus),
          experiment<Line>("ThresholdedRelu", read_threshold, lower_threshold),
          experiment<Normalization>("MeanVarianceNormalization", read_normalization, lower_normalization),
          experiment<Channels>("ImageScaler", read_channels, lower_image_scaler),
          experiment<Window>("Crop", read_window, lower_crop),
          experiment<NoAttrs>("DynamicSlice", nullptr, lower_slice),
          experiment<Fill>("ConstantFill", read_fill, lower_constant_fill),
          experiment<Fill>("GivenTensorFill", read_fill, lower_tensor_fill)};
}

}  // namespace ow
