// BatchNormalization(Conv(x, W) + b) = Conv(x, W * s) + (b - mean) * s + B,  s = scale / sqrt(var + epsilon):
// at inference the normalisation is a scale and a shift per channel, which the weights take over. Computed in
// double and rounded once. ConvTranspose has its output channels in axis 1 of W, split over groups.
#include <cmath>

#include "ops/op/attributes.h"
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

std::optional<Match> match(const ir::Node& bn) {
  Match m;
  const AttrReader attrs(bn);
  if (!bn.is("BatchNormalization") || attrs.integer("training_mode", 0) != 0 || !bn.input(0))
    return std::nullopt;
  m.conv = bn.input(0)->producer();
  if (!m.conv || m.conv->graph() != bn.graph() || bn.input(0)->uses().size() != 1 ||
      bn.input(0)->output_uses() != 0)
    return std::nullopt;
  m.transposed = m.conv->is("ConvTranspose");
  if (!m.transposed && !m.conv->is("Conv")) return std::nullopt;
  m.weights = constant(m.conv->input(1));
  m.bias = constant(m.conv->input(2));
  m.scale = constant(bn.input(1)), m.shift = constant(bn.input(2));
  m.mean = constant(bn.input(3)), m.variance = constant(bn.input(4));
  if (!is_float(m.weights) || m.weights->rank() < 3 || (m.conv->input(2) && !is_float(m.bias)))
    return std::nullopt;
  m.group = AttrReader(*m.conv).integer("group", 1);
  m.channels = m.transposed ? m.weights->dim(1) * m.group : m.weights->dim(0);
  for (const Tensor* t : {m.scale, m.shift, m.mean, m.variance})
    if (!is_float(t) || t->count() != m.channels) return std::nullopt;
  if (m.bias && m.bias->count() != m.channels) return std::nullopt;
  if (m.group < 1 || (m.transposed && m.weights->dim(0) % m.group != 0)) return std::nullopt;
  return m;
}

// Returns whether it did: a scale that is not finite stays where only the channel's own values meet it.
Result<bool> fold(const Match& m, const ir::Node& bn, ir::Patch& patch) {
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
    if (!std::isfinite(scale[c]) || !std::isfinite(bias[c])) return false;
  }
  Tensor w = ONWARD_TRY(convert(*m.weights, DType::kFloat64));
  if (!w.is_owned() || m.weights->dtype() == DType::kFloat64) {
    Tensor copy = ONWARD_TRY(Tensor::allocate(DType::kFloat64, w.shape()));
    copy_elements(w, copy);
    w = copy;
  }
  // Output channel of the slice [i0, i1] of the first two axes.
  const int64_t d0 = w.dim(0), d1 = w.dim(1), kernel = w.shape().count(2, w.rank());
  double* data = w.mutable_data<double>();
  for (int64_t i0 = 0; i0 < d0; ++i0)
    for (int64_t i1 = 0; i1 < d1; ++i1) {
      const int64_t c = m.transposed ? i0 / (d0 / m.group) * d1 + i1 : i0;
      for (int64_t k = 0; k < kernel; ++k) *data++ *= scale[static_cast<size_t>(c)];
    }
  const DType type = m.weights->dtype();
  Tensor b = ONWARD_TRY(convert(Tensor::of<double>({m.channels}, bias), type));
  patch.set_input(m.conv, 1, patch.constant(ONWARD_TRY(convert(w, type)), m.conv->input(1)->name()));
  patch.set_input(m.conv, 2, patch.constant(std::move(b)));
  return true;
}

}  // namespace

Result<int> fuse_batch_norm(ir::Graph& g) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    auto m = match(*node);
    if (!m) continue;
    if (!ONWARD_TRY(fold(*m, *node, patch))) continue;
    patch.replace_uses(node->output(0), m->conv->output(0));
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
