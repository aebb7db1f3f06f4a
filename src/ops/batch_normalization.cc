// BatchNormalization: y = (x - mean[c]) / sqrt(var[c] + epsilon) * scale[c] + B[c], channel c along axis 1.
//
// In training mode mean and var are those of the batch (population variance), and outputs 1 and 2 are the
// running ones: running * momentum + batch * (1 - momentum).
//
// onward.BatchNormalization applies an activation behind it (ops/op/fused.h).
//
// Older forms: spatial = 0 (up to opset 8) has statistics per activation, which flattening the input to
// [N, C * D1 * ..] expresses; is_test = 0 (up to 6) and outputs beyond Y (7 to 13) mean training mode. Their
// outputs 3 and 4, saved_mean and saved_var, are the mean and the variance of the batch.
#include <cmath>

#include "ops/op/op.h"
#include "ops/op/statistics.h"

namespace ow {
namespace {

struct Attrs {
  float epsilon = 1e-5f, momentum = 0.9f;
  bool training = false;
  FusedActivation activation;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.real("epsilon", 1e-5f), a.real("momentum", 0.9f), a.flag("training_mode", false), {}};
}

Result<Attrs> read_fused(const AttrReader& a) {
  Attrs attrs = ONWARD_TRY(read(a));
  attrs.activation = read_activation(a);
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  ONWARD_TRY(infer_same(c));
  const SymShape* x = c.shape(0);
  const Dim channels = x ? (x->size() > 1 ? (*x)[1] : Dim(1)) : Dim::unknown();
  for (size_t i = 1; i < 5; ++i) {
    const SymShape* s = c.shape(i);
    if (s && (s->size() != 1 || (channels.is_constant() && (*s)[0].is_constant() && !((*s)[0] == channels))))
      return c.error("input ", i, " is ", list_text(*s), ", expected one value per channel: [", channels,
                     "]");
  }
  if (c.outputs() > 1 && !a.training && c.wants(1))
    return c.error("output 1 exists in training mode only, and attribute 'training_mode' is 0");
  for (size_t o = 1; o < c.outputs(); ++o) c.set(o, c.dtype(2 + o), SymShape{channels});
  return {};
}

// Y, the running mean and variance, and with `saved` those of the batch. What outputs 1 and 2 keep of the
// running values at momentum 0 is nothing, so they are those of the batch.
Result<std::vector<ir::Value*>> outputs_of(Rewriter& c, const std::vector<ir::Value*>& inputs, bool more,
                                           bool saved) {
  ir::Attributes attributes = c.node().attributes;
  auto made = ONWARD_TRY(c.add_multi("BatchNormalization", inputs, more ? 3 : 1, attributes));
  if (!saved) return made;
  attributes.insert_or_assign("momentum", 0.0f);
  const auto batch = ONWARD_TRY(c.add_multi("BatchNormalization", inputs, 3, std::move(attributes)));
  made.insert(made.end(), batch.begin() + 1, batch.end());
  return made;
}

Result<std::vector<ir::Value*>> outputs_per_activation(Rewriter& c, bool more, bool saved) {
  ir::Value* flat = ONWARD_TRY(c.add("Flatten", {c.in(0)}, {{"axis", int64_t{1}}}));
  std::vector<ir::Value*> inputs = {flat};
  for (size_t i = 1; i < 5; ++i) inputs.push_back(ONWARD_TRY(c.add("Reshape", {c.in(i), c.ints({-1})})));
  auto made = ONWARD_TRY(outputs_of(c, inputs, more, saved));
  for (size_t o = 0; o < made.size(); ++o) {
    ir::Value* shape = ONWARD_TRY(c.add("Shape", {c.in(o ? 3 : 0)}));
    made[o] = ONWARD_TRY(c.add("Reshape", {made[o], shape}));
  }
  return made;
}

Status upgrade(Rewriter& c) {
  const int64_t since = c.since_version();
  if (since >= 14) return {};
  const AttrReader a(c.node());
  const bool spatial = a.flag("spatial", true), test = a.flag("is_test", false);
  bool more_outputs = false, saved = false;
  for (size_t o = 1; o < c.node().outputs().size(); ++o) {
    const ir::Value* v = c.node().output(o);
    more_outputs |= v && v->is_used();
    saved |= o > 2 && v && v->is_used();
  }
  for (const char* name : {"spatial", "is_test", "consumed_inputs"}) c.remove_attribute(name);
  const bool training = since < 7 ? !test : more_outputs;
  if (more_outputs && !training) return c.error("outputs beyond Y are used, and is_test is 1");
  if (training) c.set_attribute("training_mode", int64_t{1});
  if (spatial && c.node().outputs().size() < 2) return {};
  auto made = spatial ? ONWARD_TRY(outputs_of(c, c.node().inputs(), more_outputs, saved))
                      : ONWARD_TRY(outputs_per_activation(c, more_outputs, saved));
  made.resize(c.node().outputs().size(), nullptr);
  return c.replace(made);
}

// The moments of each channel over the batch, from those of its images.
Result<std::vector<Moments>> batch_moments(RunContext& c, const Tensor& x) {
  const Planes p = *planes(x);
  const std::vector<Moments> each = ONWARD_TRY(channel_moments(c, x));
  std::vector<Moments> out;
  for (int64_t ch = 0; ch < p.channels; ++ch) out.push_back(joined(each.data() + ch, p.batch, p.channels));
  return out;
}

Status write_running(const Attrs& a, RunContext& c, size_t o, const std::vector<double>& before,
                     const std::vector<Moments>& batch, double Moments::*part) {
  if (!c.wants(o)) return {};
  const Tensor& old = c.in(o + 2);
  Tensor t = ONWARD_TRY(c.out(o, old.dtype(), old.shape()));
  const double keep = a.momentum;
  for (size_t i = 0; i < before.size(); ++i) {
    const double v = before[i] * keep + batch[i].*part * (1 - keep);
    if (t.dtype() == DType::kFloat64)
      t.mutable_data<double>()[i] = v;
    else
      t.mutable_data<float>()[i] = static_cast<float>(v);
  }
  return {};
}

std::vector<Affine> coefficients(const Attrs& a, const Tensor& scale, const Tensor& bias,
                                 const std::vector<Moments>& moments) {
  const std::vector<double> scales = as_doubles(scale), biases = as_doubles(bias);
  std::vector<Affine> out;
  for (size_t i = 0; i < moments.size(); ++i)
    out.push_back(
        {moments[i].mean, scales[i] / std::sqrt(moments[i].variance + double{a.epsilon}), biases[i]});
  return out;
}

std::vector<Moments> stored_moments(const Tensor& mean, const Tensor& variance) {
  const std::vector<double> means = as_doubles(mean), variances = as_doubles(variance);
  std::vector<Moments> out;
  for (size_t i = 0; i < means.size(); ++i) out.push_back({means[i], variances[i]});
  return out;
}

// The coefficients, where they are constants.
Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  for (size_t i = 1; i < 5; ++i) {
    const Tensor *t = c.constant(i), *first = c.constant(1);
    const bool known = t && (t->dtype() == DType::kFloat32 || t->dtype() == DType::kFloat64) &&
                       t->is_dense() && t->count() == first->count();
    if (!known || a.training) return std::any();
  }
  return std::any(
      coefficients(a, *c.constant(1), *c.constant(2), stored_moments(*c.constant(3), *c.constant(4))));
}

Status run(const Attrs& a, RunContext& c) {
  Tensor x = c.in(0);
  const int64_t channels = x.rank() > 1 ? x.dim(1) : 1;
  for (size_t i = 1; i < 5; ++i)
    if (!(c.in(i).shape() == Shape{channels}))
      return c.error("input ", i, " has shape ", c.in(i).shape(), ", expected [", channels, "]");
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  Tensor target = y;
  if (x.rank() < 2) {  // one channel
    x = x.strided({x.count(), 1}, {x.rank() == 1 ? x.strides()[0] : 1, 1});
    target = y.strided({x.count(), 1}, {y.rank() == 1 ? y.strides()[0] : 1, 1});
  }
  if (!planes(x)) x = ONWARD_TRY(channels_last(c, x));
  ImageOutput out = ONWARD_TRY(plane_output(c, target));
  std::vector<Moments> moments;
  std::vector<Affine> own;
  const auto* known = c.prepared<std::vector<Affine>>();
  if (!known) {
    moments = a.training ? ONWARD_TRY(batch_moments(c, x)) : stored_moments(c.in(3), c.in(4));
    own = coefficients(a, c.in(1), c.in(2), moments);
    known = &own;
  }
  apply_affine(c, x, *planes(x), out.staged, *planes(out.staged), *known, false, a.activation);
  out.finish(c);
  if (!a.training) return {};
  ONWARD_TRY(write_running(a, c, 1, as_doubles(c.in(3)), moments, &Moments::mean));
  return write_running(a, c, 2, as_doubles(c.in(4)), moments, &Moments::variance);
}

}  // namespace

ONWARD_OPS(batch_normalization) {
  OpSpec<Attrs> spec{.name = "BatchNormalization",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .prepare = prepare,
                     .run = run,
                     .native = types<float, double>,
                     .layout = LayoutRule::kElementwise,
                     .in_place = {{0, 0}}};
  OpSpec<Attrs> fused = spec;
  fused.domain = "onward";
  fused.read = read_fused;
  fused.upgrade = nullptr;
  fused.native = types<float>;
  return {op<Attrs>(spec), op<Attrs>(fused)};
}

}  // namespace ow
