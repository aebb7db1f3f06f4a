// Constants behind a product or a convolution go into its weights and its bias:
//
//   Mul(MatMul(x, W) + b, s) = MatMul(x, W s) + b s     s a number, or one a column; there may be a Transpose
//                                                       before the Mul, as behind ConvNeXt's blocks (Liu et
//                                                       al. 2022)
//   Mul(Conv(x, W, b), s)    = Conv(x, W s, b s)        s a number, or one a channel
//   Add(Conv(x, W, b), c)    = Conv(x, W, b + c)        W may be computed
//
// What is between has no other reader, and nobody else reads the weights: they are not stored twice.
#include <algorithm>
#include <cmath>

#include "ops/op/attributes.h"
#include "ops/op/stored_weights.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

// The constant's n numbers along `axis` of a tensor of this rank, if it repeats along all others.
std::optional<std::vector<float>> along(const ir::Value* v, size_t rank, size_t axis, int64_t n) {
  const Tensor* t = float_constant(v);
  if (!t || t->rank() > rank || (t->count() != 1 && t->count() != n)) return std::nullopt;
  for (size_t i = 0; i < t->rank(); ++i)
    if (t->dim(i) != 1 && i + rank - t->rank() != axis) return std::nullopt;
  std::vector<float> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(t->data<float>()[t->count() == 1 ? 0 : i]);
  return out;
}

bool all_finite(const Tensor& t) {
  const auto s = t.span<float>();
  return std::all_of(s.begin(), s.end(), [](float x) { return std::isfinite(x); });
}

// t[i] *= factors[i / inner % n], as a new constant; null if a number would not be finite.
ir::Value* times(const ir::Value* v, const std::vector<float>& factors, int64_t inner, ir::Patch& patch) {
  const Tensor& t = *float_constant(v);
  auto made = Tensor::allocate(DType::kFloat32, t.shape());
  if (!made.ok()) return nullptr;
  const auto n = static_cast<int64_t>(factors.size());
  const kernels::UnalignedFloat* from = stored_floats(t);
  for (int64_t i = 0; i < t.count(); ++i)
    made->mutable_data<float>()[i] = from[i] * factors[static_cast<size_t>(i / inner % n)];
  return all_finite(*made) ? patch.constant(*std::move(made), v->name()) : nullptr;
}

// The node of this operator that alone reads `v`, and its other operand.
struct Behind {
  ir::Node* node = nullptr;
  ir::Value* operand = nullptr;
};
Behind behind(const ir::Value* v, std::string_view op_type) {
  ir::Node* n = only_reader(v);
  if (!n || !n->is(op_type) || !same_shape(n->output(0), v)) return {};
  return {n, other_input(n, v)};
}

bool scale_product(ir::Node& node, ir::Patch& patch, Why& why) {
  const Tensor* w = float_constant(node.input(1));
  const ir::Value* y = node.output(0);
  if (!w || w->rank() < 2 || !y || !y->type().shape || w->count() == 0) return false;
  const int64_t n = w->shape().back();
  const size_t rank = y->type().shape->size();
  ir::Value* at = node.output(0);
  const Behind sum = behind(at, "Add");
  const auto bias = sum.node ? along(sum.operand, rank, rank - 1, n) : std::nullopt;
  if (bias) at = sum.node->output(0);
  size_t axis = rank - 1;
  if (const ir::Node* turn = only_reader(at); turn && turn->is("Transpose")) {
    const auto perm = AttrReader(*turn).maybe_integers("perm");
    if (!perm || perm->size() != rank) return false;
    axis = static_cast<size_t>(std::find(perm->begin(), perm->end(), static_cast<int64_t>(axis)) -
                               perm->begin());
    at = turn->output(0);
  }
  const Behind mul = behind(at, "Mul");
  const auto factors = mul.node ? along(mul.operand, rank, axis, n) : std::nullopt;
  if (!factors || axis >= rank) return false;
  if (node.input(1)->uses().size() != 1 || node.input(1)->output_uses() > 0)
    return why.no(1, "others read the weights ", node.input(1), ", too"), false;
  ir::Value* weights = times(node.input(1), *factors, 1, patch);
  ir::Value* row =
      bias && sum.operand->fact.constant->count() == n ? times(sum.operand, *factors, 1, patch) : nullptr;
  if (!weights || (bias && !row))
    return why.no(2, "the weights times ", mul.operand, " would not be finite"), false;
  patch.set_input(&node, 1, weights);
  if (bias) patch.set_input(sum.node, sum.node->input(0) == sum.operand ? 0 : 1, row);
  patch.replace_uses(mul.node->output(0), at);
  patch.erase(mul.node);
  return true;
}

// The bias of a convolution, zeros where it has none; nullopt if it is not constant.
std::optional<std::vector<float>> bias_of(const ir::Node& conv, int64_t channels) {
  if (!conv.input(2)) return std::vector<float>(static_cast<size_t>(channels), 0.0f);
  return along(conv.input(2), 1, 0, channels);
}

bool take_into_conv(ir::Node& node, ir::Patch& patch, Why& why) {
  const ir::Value *w = node.input(1), *y = node.output(0);
  if (!y || !y->type().shape || y->type().shape->size() < 3 || !w->type().shape || w->type().shape->empty() ||
      y->type().dtype != DType::kFloat32)
    return false;
  const size_t rank = y->type().shape->size();
  const auto channels = (*w->type().shape)[0].constant();
  auto bias = channels && *channels > 0 ? bias_of(node, *channels) : std::nullopt;
  const Behind add = behind(y, "Add"), mul = behind(y, "Mul");
  const Behind& found = add.node ? add : mul;
  const auto numbers = found.node && bias ? along(found.operand, rank, 1, *channels) : std::nullopt;
  if (!numbers) return false;
  ir::Value* weights = node.input(1);
  for (size_t c = 0; c < numbers->size(); ++c)
    (*bias)[c] = add.node ? (*bias)[c] + (*numbers)[c] : (*bias)[c] * (*numbers)[c];
  if (mul.node) {
    const Tensor* t = float_constant(w);
    if (!t || w->uses().size() != 1 || w->output_uses() > 0)
      return why.no(1, "the weights ", w, " are not constant, or others read them, too"), false;
    weights = times(w, *numbers, t->count() / *channels, patch);
  }
  const Tensor made = Tensor::of<float>({*channels}, *bias);
  if (!weights || !all_finite(made))
    return why.no(2, "weights or bias with ", found.operand, " would not be finite"), false;
  patch.set_input(&node, 1, weights);
  if (add.node || node.input(2)) patch.set_input(&node, 2, patch.constant(made));
  patch.replace_uses(found.node->output(0), node.output(0));
  patch.erase(found.node);
  return true;
}

}  // namespace

Result<int> fuse_scale(ir::Graph& g, MissedFusions* missed) {
  int changes = 0;
  ir::Patch patch(g);
  for (const auto& node : g.nodes()) {
    if (!node->is("MatMul") && !node->is("Conv")) continue;
    Why why(missed, *node);
    while (node->is("Conv") ? take_into_conv(*node, patch, why) : scale_product(*node, patch, why)) ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
