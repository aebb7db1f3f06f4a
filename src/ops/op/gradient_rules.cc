// The rules, one line of mathematics each: x and y are the node's input and output, g is the gradient of y.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/op/gradient_rules.h"
#include "tensor/convert.h"

namespace ow {
namespace {

using Context = GradientContext;

void zero(Context&) {}
void same(Context& c) { c.give(0, c.gradient()); }

// Elementwise, of one input.

void neg(Context& c) { c.give(0, c.neg(c.gradient())); }
void exp(Context& c) { c.give(0, c.mul(c.gradient(), c.out())); }
void log(Context& c) { c.give(0, c.div(c.gradient(), c.in(0))); }
void sqrt(Context& c) { c.give(0, c.div(c.gradient(), c.add(c.out(), c.out()))); }
void reciprocal(Context& c) { c.give(0, c.neg(c.mul(c.gradient(), c.mul(c.out(), c.out())))); }
void abs(Context& c) { c.give(0, c.mul(c.gradient(), c.op("Sign", {c.in(0)}))); }
void sin(Context& c) { c.give(0, c.mul(c.gradient(), c.op("Cos", {c.in(0)}))); }
void cos(Context& c) { c.give(0, c.neg(c.mul(c.gradient(), c.op("Sin", {c.in(0)})))); }
void softplus(Context& c) { c.give(0, c.mul(c.gradient(), c.op("Sigmoid", {c.in(0)}))); }

// At 0 it is that of the left side, 0.
void relu(Context& c) {
  ir::Value* positive = c.op("Greater", {c.in(0), c.number(c.in(0), 0)});
  c.give(0, c.op("Where", {positive, c.gradient(), c.number(c.gradient(), 0)}));
}

void leaky_relu(Context& c) {
  ir::Value* slope = c.number(c.gradient(), c.attributes().real("alpha", 0.01f));
  ir::Value* positive = c.op("Greater", {c.in(0), c.number(c.in(0), 0)});
  c.give(0, c.op("Where", {positive, c.gradient(), c.mul(c.gradient(), slope)}));
}

void sigmoid(Context& c) {
  c.give(0, c.mul(c.gradient(), c.mul(c.out(), c.sub(c.number(c.out(), 1), c.out()))));
}

void tanh(Context& c) {
  c.give(0, c.mul(c.gradient(), c.sub(c.number(c.out(), 1), c.mul(c.out(), c.out()))));
}

// 2 / sqrt(pi) exp(-x^2)
void erf(Context& c) {
  ir::Value* bell = c.op("Exp", {c.neg(c.mul(c.in(0), c.in(0)))});
  c.give(0, c.mul(c.gradient(), c.mul(bell, c.number(bell, 2 * std::numbers::inv_sqrtpi))));
}

// 1 within the bounds. A bound that was taken gets what x does not.
void clip(Context& c) {
  ir::Value *inside = c.gradient(), *zero = c.number(c.gradient(), 0);
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (!c.in(i)) continue;
    ir::Value* beyond = c.op(i == 1 ? "Less" : "Greater", {c.in(0), c.in(i)});
    inside = c.op("Where", {beyond, zero, inside});
    if (c.wants(i)) c.give(i, c.summed_to(c.op("Where", {beyond, c.gradient(), zero}), c.in(i)));
  }
  if (c.wants(0)) c.give(0, inside);
}

// Between float types.
void cast(Context& c) { c.give(0, c.op("CastLike", {c.gradient(), c.in(0)})); }

void dropout(Context& c) {
  const ir::Value* training = c.in(2);
  const bool off = training && training->fact.elements && training->fact.elements->size() == 1 &&
                   training->fact.elements->front().is(0);
  if (!training || off) return same(c);
  if (c.outputs() < 2 || !c.out(1)) return c.fail("it may be in training mode, and its mask is not kept");
  ir::Value* g = c.gradient();
  ir::Value* ratio = c.in(1) ? c.op("CastLike", {c.in(1), g}) : c.number(g, 0.5);
  ir::Value* kept = c.op("Where", {c.out(1), c.div(g, c.sub(c.number(g, 1), ratio)), c.number(g, 0)});
  c.give(0, c.op("Where", {c.in(2), kept, g}));
}

// Elementwise, of several inputs that are broadcast.

void give_summed(Context& c, size_t i, ir::Value* gradient) { c.give(i, c.summed_to(gradient, c.in(i))); }

void sum(Context& c) {
  for (size_t i = 0; i < c.inputs(); ++i)
    if (c.wants(i)) give_summed(c, i, c.gradient());
}

void mean(Context& c) {
  ir::Value* share = c.div(c.gradient(), c.number(c.gradient(), static_cast<double>(c.inputs())));
  for (size_t i = 0; i < c.inputs(); ++i)
    if (c.wants(i)) give_summed(c, i, share);
}

void sub(Context& c) {
  if (c.wants(0)) give_summed(c, 0, c.gradient());
  if (c.wants(1)) give_summed(c, 1, c.neg(c.gradient()));
}

void mul(Context& c) {
  if (c.wants(0)) give_summed(c, 0, c.mul(c.gradient(), c.in(1)));
  if (c.wants(1)) give_summed(c, 1, c.mul(c.gradient(), c.in(0)));
}

void div(Context& c) {
  ir::Value* first = c.div(c.gradient(), c.in(1));
  if (c.wants(0)) give_summed(c, 0, first);
  if (c.wants(1)) give_summed(c, 1, c.neg(c.mul(first, c.out())));
}

// Equal parts where several inputs are the largest (smallest).
void extreme(Context& c) {
  std::vector<ir::Value*> masks;
  for (size_t i = 0; i < c.inputs(); ++i)
    masks.push_back(c.op("CastLike", {c.op("Equal", {c.in(i), c.out()}), c.gradient()}));
  ir::Value* share = c.div(c.gradient(), masks.size() == 1 ? masks[0] : c.op("Sum", masks));
  for (size_t i = 0; i < c.inputs(); ++i)
    if (c.wants(i)) give_summed(c, i, c.mul(share, masks[i]));
}

// x^p: p x^(p-1), where p is 0 (and x perhaps, too) 0; by p it is y log(x), and 0 where x is 0 or less.
void pow(Context& c) {
  if (c.wants(1)) {
    ir::Value *none = c.number(c.in(0), 0), *positive = c.op("Greater", {c.in(0), none});
    ir::Value* logarithm = c.op("Log", {c.op("Where", {positive, c.in(0), c.number(c.in(0), 1)})});
    ir::Value* growth = c.op("Where", {positive, c.mul(c.out(), logarithm), none});
    give_summed(c, 1, c.op("CastLike", {c.mul(c.gradient(), growth), c.in(1)}));
  }
  if (!c.wants(0)) return;
  ir::Value* p = c.op("CastLike", {c.in(1), c.in(0)});
  ir::Value* power = c.mul(p, c.op("Pow", {c.in(0), c.sub(p, c.number(c.in(0), 1))}));
  ir::Value* constant = c.op("Equal", {p, c.number(c.in(0), 0)});
  ir::Value* slope = c.op("Where", {constant, c.number(c.in(0), 0), power});
  give_summed(c, 0, c.mul(c.gradient(), slope));
}

void where(Context& c) {
  ir::Value* none = c.number(c.gradient(), 0);
  if (c.wants(1)) give_summed(c, 1, c.op("Where", {c.in(0), c.gradient(), none}));
  if (c.wants(2)) give_summed(c, 2, c.op("Where", {c.in(0), none, c.gradient()}));
}

// Shapes.

void reshape(Context& c) { c.give(0, c.reshaped_to(c.gradient(), c.in(0))); }
void expand(Context& c) { give_summed(c, 0, c.gradient()); }

void transpose(Context& c) {
  const auto perm = c.attributes().maybe_integers("perm");
  if (!perm) return c.give(0, c.op("Transpose", {c.gradient()}));
  ir::Ints inverse(perm->size());
  for (size_t i = 0; i < perm->size(); ++i) {
    if (static_cast<size_t>((*perm)[i]) >= perm->size()) return c.fail("its 'perm' is no order of axes");
    inverse[static_cast<size_t>((*perm)[i])] = static_cast<int64_t>(i);
  }
  c.give(0, c.op("Transpose", {c.gradient()}, {{"perm", inverse}}));
}

// Each input's own stretch of g.
void concat(Context& c) {
  const int64_t axis = c.attributes().integer("axis", 0);
  ir::Value* end = nullptr;
  for (size_t i = 0; i < c.inputs(); ++i) {
    ir::Value* size = c.op("Gather", {c.shape_of(c.in(i)), c.ints({axis})});
    ir::Value* begin = end ? end : c.ints({0});
    end = end ? c.add(end, size) : size;
    if (c.wants(i)) c.give(i, c.op("Slice", {c.gradient(), begin, end, c.ints({axis})}));
  }
}

void split(Context& c) {
  const std::vector<ir::Value*> all = c.all_outputs();
  if (!c.status().ok()) return;
  std::vector<ir::Value*> parts;
  for (size_t o = 0; o < c.outputs(); ++o)
    parts.push_back(c.gradient(o) ? c.gradient(o) : c.filled(0, all[o]));
  c.give(0, c.op("Concat", parts, {{"axis", c.attributes().integer("axis", 0)}}));
}

// Reductions.

// An output of a reduction so that it broadcasts to the input.
ir::Value* with_axes(Context& c, ir::Value* v) {
  if (!c.attributes().flag("keepdims", true) && c.in(1)) return c.op("Unsqueeze", {v, c.in(1)});
  return v;
}

// g in the shape of the input, each element where it was summed into.
ir::Value* spread(Context& c, ir::Value* g) { return c.op("Expand", {with_axes(c, g), c.shape_of(c.in(0))}); }

void reduce_sum(Context& c) { c.give(0, spread(c, c.gradient())); }

// In double, because the number of elements may be beyond a half.
void reduce_mean(Context& c) {
  const auto wide = [&](ir::Value* v) {
    return c.op("Cast", {v}, {{"to", static_cast<int64_t>(DType::kFloat64)}});
  };
  ir::Value* count = c.div(wide(c.op("Size", {c.in(0)})), wide(c.op("Size", {c.out()})));
  c.give(0, spread(c, c.op("CastLike", {c.div(wide(c.gradient()), count), c.gradient()})));
}

void give_spread(Context& c, ir::Value* slope) { c.give(0, c.mul(with_axes(c, c.gradient()), slope)); }

void reduce_sum_square(Context& c) { give_spread(c, c.add(c.in(0), c.in(0))); }
void reduce_l1(Context& c) { give_spread(c, c.op("Sign", {c.in(0)})); }

// x / y, and 0 where y is
void reduce_l2(Context& c) {
  ir::Value *y = with_axes(c, c.out()), *zero = c.number(c.in(0), 0);
  give_spread(c, c.op("Where", {c.op("Equal", {y, zero}), zero, c.div(c.in(0), y)}));
}

// 1 / e^y
void reduce_log_sum(Context& c) { c.give(0, spread(c, c.mul(c.gradient(), c.op("Exp", {c.neg(c.out())})))); }

void reduce_log_sum_exp(Context& c) { give_spread(c, c.op("Exp", {c.sub(c.in(0), with_axes(c, c.out()))})); }

// What is summed, over the axes of the reduction.
ir::Value* reduced_like(Context& c, ir::Value* v, std::string_view op_type) {
  ir::Attributes attributes = c.node().attributes;
  attributes.insert_or_assign("keepdims", int64_t{1});
  return c.op(op_type, {v, c.in(1)}, std::move(attributes));
}

// Equal parts where several elements are the extreme.
void reduce_extreme(Context& c) {
  ir::Value* mask = c.op("CastLike", {c.op("Equal", {c.in(0), with_axes(c, c.out())}), c.gradient()});
  give_spread(c, c.div(mask, reduced_like(c, mask, "ReduceSum")));
}

// The product of the others: that of all that are not 0, over x where none is, and where x is the only 0.
void reduce_prod(Context& c) {
  ir::Value *x = c.in(0), *zero = c.number(x, 0), *one = c.number(x, 1);
  ir::Value* is_zero = c.op("Equal", {x, zero});
  ir::Value* rest = c.op("Where", {is_zero, one, x});
  ir::Value* zeros = reduced_like(c, c.op("CastLike", {is_zero, x}), "ReduceSum");
  ir::Value* others = c.sub(zeros, c.op("CastLike", {is_zero, x}));
  ir::Value* product = c.div(reduced_like(c, rest, "ReduceProd"), rest);
  give_spread(c, c.op("Where", {c.op("Equal", {others, zero}), product, zero}));
}

// Sums from the other side.
void cum_sum(Context& c) {
  ir::Attributes attributes = c.node().attributes;
  attributes.insert_or_assign("reverse", int64_t{!c.attributes().flag("reverse", false)});
  c.give(0, c.op("CumSum", {c.gradient(), c.in(1)}, std::move(attributes)));
}

ir::Value* sum_along(Context& c, ir::Value* v) {
  return c.op("ReduceSum", {v, c.ints({c.attributes().integer("axis", -1)})});
}

// y (g - sum(g y))
void softmax(Context& c) {
  ir::Value* weighted = sum_along(c, c.mul(c.gradient(), c.out()));
  c.give(0, c.mul(c.out(), c.sub(c.gradient(), weighted)));
}

// g - exp(y) sum(g)
void log_softmax(Context& c) {
  ir::Value* softmax = c.op("Exp", {c.out()});
  c.give(0, c.sub(c.gradient(), c.mul(softmax, sum_along(c, c.gradient()))));
}

// Products.

ir::Value* last_axes_swapped(Context& c, ir::Value* v) {
  const size_t rank = *c.rank(v);
  ir::Ints perm;
  for (size_t i = 0; i < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  std::swap(perm[rank - 1], perm[rank - 2]);
  return c.op("Transpose", {v}, {{"perm", perm}});
}

// C = A B: dA = g B^T, dB = A^T g. A vector is a matrix of one row at the left, of one column at the right.
void matmul(Context& c) {
  const auto ranks = std::pair(c.rank(c.in(0)), c.rank(c.in(1)));
  if (!ranks.first || !ranks.second) return c.fail("the rank of an input is unknown");
  if (*ranks.first == 0 || *ranks.second == 0) return c.fail("an input is a scalar");
  ir::Value *a = c.in(0), *b = c.in(1), *g = c.gradient();
  if (*ranks.second == 1) {
    b = c.op("Unsqueeze", {b, c.ints({1})});
    g = c.op("Unsqueeze", {g, c.ints({-1})});
  }
  if (*ranks.first == 1) {
    a = c.op("Unsqueeze", {a, c.ints({0})});
    g = c.op("Unsqueeze", {g, c.ints({-2})});
  }
  if (!c.status().ok()) return;
  if (c.wants(0)) {
    ir::Value* grown = c.summed_to(c.op("MatMul", {g, last_axes_swapped(c, b)}), a);
    c.give(0, *ranks.first == 1 ? c.reshaped_to(grown, c.in(0)) : grown);
  }
  if (c.wants(1)) {
    ir::Value* grown = c.summed_to(c.op("MatMul", {last_axes_swapped(c, a), g}), b);
    c.give(1, *ranks.second == 1 ? c.reshaped_to(grown, c.in(1)) : grown);
  }
}

struct Equation {
  std::vector<std::string> terms;
  std::string output;
};

// Without '->' the letters that occur once, in order.
Equation read_equation(const std::string& text) {
  Equation e{{""}, ""};
  const size_t arrow = text.find("->");
  for (char letter : text.substr(0, arrow))
    if (letter == ',')
      e.terms.emplace_back();
    else if (letter != ' ')
      e.terms.back() += letter;
  if (arrow != std::string::npos) {
    for (char letter : text.substr(arrow + 2))
      if (letter != ' ') e.output += letter;
    return e;
  }
  std::string all;
  for (const std::string& term : e.terms) all += term;
  std::sort(all.begin(), all.end());
  for (char letter : all)
    if (std::count(all.begin(), all.end(), letter) == 1) e.output += letter;
  return e;
}

// g and the other inputs, by the letters of input i; along letters that are its own alone it is repeated.
void einsum(Context& c) {
  const Equation e = read_equation(c.attributes().text("equation", ""));
  for (std::string term : e.terms) {
    if (term.find('.') != std::string::npos) return c.fail("its equation has an ellipsis");
    std::sort(term.begin(), term.end());
    if (std::adjacent_find(term.begin(), term.end()) != term.end())
      return c.fail("its equation names an axis of one input twice");
  }
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (!c.wants(i)) continue;
    std::string given = e.output, known = e.output, made;
    std::vector<ir::Value*> inputs = {c.gradient()};
    for (size_t k = 0; k < c.inputs(); ++k) {
      if (k == i) continue;
      given += "," + e.terms[k];
      known += e.terms[k];
      inputs.push_back(c.in(k));
    }
    ir::Ints alone;
    for (size_t a = 0; a < e.terms[i].size(); ++a)
      if (known.find(e.terms[i][a]) == std::string::npos)
        alone.push_back(static_cast<int64_t>(a));
      else
        made += e.terms[i][a];
    ir::Value* dx = c.op("Einsum", inputs, {{"equation", given + "->" + made}});
    if (!alone.empty()) dx = c.op("Expand", {c.op("Unsqueeze", {dx, c.ints(alone)}), c.shape_of(c.in(i))});
    c.give(i, dx);
  }
}

// Y = alpha A' B' + beta C, where A' is A or its transpose.
void gemm(Context& c) {
  const AttrReader a = c.attributes();
  const int64_t trans_a = a.flag("transA", false), trans_b = a.flag("transB", false);
  const float alpha = a.real("alpha", 1), beta = a.real("beta", 1);
  const auto product = [&](ir::Value* left, int64_t trans_left, ir::Value* right, int64_t trans_right) {
    return c.op("Gemm", {left, right}, {{"alpha", alpha}, {"transA", trans_left}, {"transB", trans_right}});
  };
  ir::Value* g = c.gradient();
  if (c.wants(0)) c.give(0, trans_a ? product(c.in(1), trans_b, g, 1) : product(g, 0, c.in(1), 1 - trans_b));
  if (c.wants(1)) c.give(1, trans_b ? product(g, 1, c.in(0), trans_a) : product(c.in(0), 1 - trans_a, g, 0));
  if (c.wants(2)) give_summed(c, 2, c.mul(g, c.number(g, double{beta})));
}

constexpr struct {
  std::string_view op_type;
  GradientRule rule;
} kRules[] = {
    {"Abs", abs},
    {"Acos", gradients::acos},
    {"Acosh", gradients::acosh},
    {"Add", sum},
    {"Asin", gradients::asin},
    {"Asinh", gradients::asinh},
    {"Atan", gradients::atan},
    {"Atanh", gradients::atanh},
    {"Attention", gradients::attention},
    {"AveragePool", gradients::average_pool},
    {"BatchNormalization", gradients::batch_normalization},
    {"Cast", cast},
    {"CastLike", cast},
    {"Ceil", zero},
    {"Celu", gradients::celu},
    {"CenterCropPad", gradients::moved},
    {"Clip", clip},
    {"Compress", gradients::moved},
    {"Concat", concat},
    {"Conv", gradients::conv},
    {"ConvTranspose", gradients::conv_transpose},
    {"Cos", cos},
    {"Cosh", gradients::cosh},
    {"CumSum", cum_sum},
    {"DepthToSpace", gradients::moved},
    {"Div", div},
    {"Dropout", dropout},
    {"Einsum", einsum},
    {"Elu", gradients::elu},
    {"Erf", erf},
    {"Exp", exp},
    {"Expand", expand},
    {"Flatten", reshape},
    {"Floor", zero},
    {"Gather", gradients::moved},
    {"GatherElements", gradients::moved},
    {"GatherND", gradients::moved},
    {"Gelu", gradients::gelu},
    {"Gemm", gemm},
    {"GlobalAveragePool", gradients::global_average_pool},
    {"GlobalMaxPool", gradients::global_max_pool},
    {"GroupNormalization", gradients::group_normalization},
    {"HardSigmoid", gradients::hard_sigmoid},
    {"HardSwish", gradients::hard_swish},
    {"Hardmax", zero},
    {"Identity", same},
    {"InstanceNormalization", gradients::instance_normalization},
    {"LayerNormalization", gradients::layer_normalization},
    {"LeakyRelu", leaky_relu},
    {"Log", log},
    {"LogSoftmax", log_softmax},
    {"LpNormalization", gradients::lp_normalization},
    {"MatMul", matmul},
    {"Max", extreme},
    {"MaxPool", gradients::max_pool},
    {"Mean", mean},
    {"MeanVarianceNormalization", gradients::mean_variance_normalization},
    {"Min", extreme},
    {"Mish", gradients::mish},
    {"Mul", mul},
    {"Neg", neg},
    {"NegativeLogLikelihoodLoss", gradients::negative_log_likelihood_loss},
    {"PRelu", gradients::prelu},
    {"Pad", gradients::pad},
    {"Pow", pow},
    {"RMSNormalization", gradients::rms_normalization},
    {"Reciprocal", reciprocal},
    {"ReduceL1", reduce_l1},
    {"ReduceL2", reduce_l2},
    {"ReduceLogSum", reduce_log_sum},
    {"ReduceLogSumExp", reduce_log_sum_exp},
    {"ReduceMax", reduce_extreme},
    {"ReduceMean", reduce_mean},
    {"ReduceMin", reduce_extreme},
    {"ReduceProd", reduce_prod},
    {"ReduceSum", reduce_sum},
    {"ReduceSumSquare", reduce_sum_square},
    {"Relu", relu},
    {"Reshape", reshape},
    {"Resize", gradients::resize},
    {"ReverseSequence", gradients::moved},
    {"Round", zero},
    {"ScatterElements", gradients::scatter_elements},
    {"ScatterND", gradients::scatter_nd},
    {"Selu", gradients::selu},
    {"Shrink", gradients::shrink},
    {"Sigmoid", sigmoid},
    {"Sign", zero},
    {"Sin", sin},
    {"Sinh", gradients::sinh},
    {"Slice", gradients::moved},
    {"Softmax", softmax},
    {"SoftmaxCrossEntropyLoss", gradients::softmax_cross_entropy_loss},
    {"Softplus", softplus},
    {"Softsign", gradients::softsign},
    {"SpaceToDepth", gradients::moved},
    {"Split", split},
    {"Sqrt", sqrt},
    {"Squeeze", reshape},
    {"Sub", sub},
    {"Sum", sum},
    {"Swish", gradients::swish},
    {"Tan", gradients::tan},
    {"Tanh", tanh},
    {"ThresholdedRelu", gradients::thresholded_relu},
    {"Tile", gradients::moved},
    {"TopK", gradients::top_k},
    {"Transpose", transpose},
    {"Trilu", gradients::moved},
    {"Unsqueeze", reshape},
    {"Where", where},
};

}  // namespace

GradientRule find_gradient_rule(const ir::Node& node) {
  if (!node.domain.empty()) return nullptr;
  const auto* row = std::find_if(std::begin(kRules), std::end(kRules),
                                 [&](const auto& r) { return r.op_type == node.op_type; });
  return row == std::end(kRules) ? nullptr : row->rule;
}

}  // namespace ow
