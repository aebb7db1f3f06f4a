// BatchNormalization(Conv(x, W) + b) = Conv(x, W * s) + (b - mean) * s + B,  s = scale / sqrt(var + epsilon):
// at inference the normalisation is a scale and a shift per channel, which the weights take over. Computed in
// double and rounded once. ConvTranspose has its output channels in axis 1 of W, split over groups.
#include <cmath>

#include "ops/op/attributes.h"
#include "ops/op/stored_weights.h"
#include "passes/passes.h"
#include "tensor/convert.h"

namespace ow {
namespace {

const Tensor* constant(const ir::Value* v) { return v && v->is_constant() ? &*v->fact.constant : nullptr; }

Result<std::vector<double>> doubles(const Tensor& t) {
  Tensor wide = ONWARD_TRY(convert(t, DType::kFloat64));
  auto span = wide.span<double>();
  return std::vector<double>(span.begin(), span.end());
}

// Everything that decides whether the rewrite applies; null pointers where it does not.
struct Match {
  ir::Node* conv = nullptr;
  const Tensor *weights = nullptr, *bias = nullptr, *scale = nullptr, *shift = nullptr, *mean = nullptr,
               *variance = nullptr;
  bool transposed = false;
  int64_t channels = 0, group = 1;
};

bool is_float(const Tensor* t) {
  return t && (t->dtype() == DType::kFloat32 || t->dtype() == DType::kFloat64);
}

std::string_view parameter_name(size_t input) {
  constexpr std::string_view kNames[] = {"", "scale", "bias", "mean", "variance"};
  return kNames[input];
}

// The convolution before `bn`, if only that reads it.
bool match_convolution(const ir::Node& bn, Match& m, Why& why) {
  const ir::Value* x = bn.input(0);
  m.conv = x->producer();
  m.transposed = m.conv && m.conv->is("ConvTranspose");
  if (!m.conv || m.conv->graph() != bn.graph() || (!m.transposed && !m.conv->is("Conv")))
    return why.no(1, "its input comes from ", MakerOf{x}, ", not from a convolution"), false;
  if (x->uses().size() == 1 && x->output_uses() == 0) return true;
  return why.no(2, ReadersOf{x}, "; only the normalisation may read it"), false;
}

bool match_weights(Match& m, Why& why) {
  const ir::Value *w = m.conv->input(1), *b = m.conv->input(2);
  m.weights = constant(w);
  m.bias = constant(b);
  if (!m.weights || (b && !m.bias))
    return why.no(3, "the ", m.weights ? "bias " : "weights ", m.weights ? b : w, " of ", m.conv,
                  m.weights ? " is" : " are", " not constant"),
           false;
  if (!is_float(m.weights) || m.weights->rank() < 3 || (b && !is_float(m.bias)))
    return why.no(3, "weights and bias of ", m.conv, " are not float or double, or of less than three axes"),
           false;
  m.group = AttrReader(*m.conv).integer("group", 1);
  m.channels = m.transposed ? m.weights->dim(1) * m.group : m.weights->dim(0);
  if ((m.bias && m.bias->count() != m.channels) || m.group < 1 ||
      (m.transposed && m.weights->dim(0) % m.group != 0))
    return why.no(3, "the bias or the groups of ", m.conv, " do not fit its weights"), false;
  return true;
}

std::optional<Match> match(const ir::Node& bn, Why& why) {
  Match m;
  if (!bn.is("BatchNormalization") || !bn.input(0)) return std::nullopt;
  if (AttrReader(bn).integer("training_mode", 0) != 0) return why.no(1, "it is in training mode");
  if (!match_convolution(bn, m, why) || !match_weights(m, why)) return std::nullopt;
  m.scale = constant(bn.input(1)), m.shift = constant(bn.input(2));
  m.mean = constant(bn.input(3)), m.variance = constant(bn.input(4));
  size_t input = 0;
  for (const Tensor* t : {m.scale, m.shift, m.mean, m.variance}) {
    const ir::Value* v = bn.input(++input);
    if (!t) return why.no(4, "its ", parameter_name(input), ", ", v, ", is not constant");
    if (!is_float(t) || t->count() != m.channels)
      return why.no(4, "its ", parameter_name(input), ", ", v, ", is ", v->type(), ", expected float[",
                    m.channels, "]");
  }
  return m;
}

// to[i] = from[i] * scale of its output channel.
template <class From, class To>
void scale_weights(const Match& m, From* from, const std::vector<double>& scale, To* to) {
  const Tensor& w = *m.weights;
  const int64_t d0 = w.dim(0), d1 = w.dim(1), kernel = w.shape().count(2, w.rank());
  for (int64_t i0 = 0; i0 < d0; ++i0)
    for (int64_t i1 = 0; i1 < d1; ++i1) {
      const double by = scale[static_cast<size_t>(m.transposed ? i0 / (d0 / m.group) * d1 + i1 : i0)];
      for (int64_t k = 0; k < kernel; ++k) *to++ = static_cast<To>(double{*from++} * by);
    }
}

// Returns whether it did: a scale that is not finite stays where only the channel's own values meet it.
Result<bool> fold(const Match& m, const ir::Node& bn, ir::Patch& patch, Why& why) {
  const double epsilon = AttrReader(bn).real("epsilon", 1e-5f);
  auto scale = ONWARD_TRY(doubles(*m.scale));
  const auto shift = ONWARD_TRY(doubles(*m.shift)), mean = ONWARD_TRY(doubles(*m.mean)),
             variance = ONWARD_TRY(doubles(*m.variance));
  const auto channels = static_cast<size_t>(m.channels);
  std::vector<double> bias(channels, 0.0);
  if (m.bias) bias = ONWARD_TRY(doubles(*m.bias));
  for (size_t c = 0; c < channels; ++c) {
    scale[c] /= std::sqrt(variance[c] + epsilon);
    bias[c] = (bias[c] - mean[c]) * scale[c] + shift[c];
    if (!std::isfinite(scale[c]) || !std::isfinite(bias[c]))
      return why.no(5, "the weights of channel ", c, " would not be finite"), false;
  }
  const DType type = m.weights->dtype();
  Tensor w = ONWARD_TRY(Tensor::allocate(type, m.weights->shape()));
  if (type == DType::kFloat32)
    scale_weights(m, stored_floats(*m.weights), scale, w.mutable_data<float>());
  else
    scale_weights(m, m.weights->data<double>(), scale, w.mutable_data<double>());
  Tensor b = ONWARD_TRY(convert(Tensor::of<double>({m.channels}, bias), type));
  patch.set_input(m.conv, 1, patch.constant(std::move(w), m.conv->input(1)->name()));
  patch.set_input(m.conv, 2, patch.constant(std::move(b)));
  return true;
}

}  // namespace

Result<int> fuse_batch_norm(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    Why why(missed, *node);
    auto m = match(*node, why);
    if (!m) continue;
    if (!ONWARD_TRY(fold(*m, *node, patch, why))) continue;
    patch.replace_uses(node->output(0), m->conv->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
