// The rules, one line of mathematics each: x and y are the node's input and output, g is the gradient of y.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/op/gradient.h"
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

// Between float types.
void cast(Context& c) { c.give(0, c.op("CastLike", {c.gradient(), c.in(0)})); }

void dropout(Context& c) {
  const ir::Value* training = c.in(2);
  const bool off = training && training->fact.elements && training->fact.elements->size() == 1 &&
                   training->fact.elements->front().is(0);
  if (training && !off) return c.fail("it may be in training mode, and its mask is not kept");
  same(c);
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

// x^p: p x^(p-1), where p is 0 (and x perhaps, too) 0.
void pow(Context& c) {
  if (c.wants(1)) return c.fail("its exponent depends on what is differentiated by");
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

// A stretch or every k-th of each axis: g between zeros, by way of the positions of its elements.
void slice(Context& c) {
  ir::Value* x = c.in(0);
  ir::Value* count = c.op("Size", {x});
  ir::Value* numbered =
      c.op("Reshape", {c.op("Range", {c.int_scalar(0), count, c.int_scalar(1)}), c.shape_of(x)},
           {{"allowzero", int64_t{1}}});
  std::vector<ir::Value*> inputs = {numbered};
  for (size_t i = 1; i < c.inputs(); ++i) inputs.push_back(c.in(i));
  ir::Value* places = c.op("Reshape", {c.op("Slice", inputs), c.ints({-1})});
  ir::Value* updates = c.op("Reshape", {c.gradient(), c.ints({-1})});
  ir::Value* flat = c.op("Expand", {c.number(c.gradient(), 0), c.op("Reshape", {count, c.ints({1})})});
  c.give(0, c.reshaped_to(c.op("ScatterElements", {flat, places, updates}), x));
}

// Reductions.

// g in the shape of the input, each element where it was summed into.
ir::Value* spread(Context& c, ir::Value* g) {
  if (!c.attributes().flag("keepdims", true) && c.in(1)) g = c.op("Unsqueeze", {g, c.in(1)});
  return c.op("Expand", {g, c.shape_of(c.in(0))});
}

void reduce_sum(Context& c) { c.give(0, spread(c, c.gradient())); }

// In double, because the number of elements may be beyond a half.
void reduce_mean(Context& c) {
  const auto wide = [&](ir::Value* v) {
    return c.op("Cast", {v}, {{"to", static_cast<int64_t>(DType::kFloat64)}});
  };
  ir::Value* count = c.div(wide(c.op("Size", {c.in(0)})), wide(c.op("Size", {c.out()})));
  c.give(0, spread(c, c.op("CastLike", {c.div(wide(c.gradient()), count), c.gradient()})));
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
    {"Add", sum},
    {"Cast", cast},
    {"CastLike", cast},
    {"Ceil", zero},
    {"Concat", concat},
    {"Cos", cos},
    {"Div", div},
    {"Dropout", dropout},
    {"Erf", erf},
    {"Exp", exp},
    {"Expand", expand},
    {"Flatten", reshape},
    {"Floor", zero},
    {"Gemm", gemm},
    {"Identity", same},
    {"LeakyRelu", leaky_relu},
    {"Log", log},
    {"LogSoftmax", log_softmax},
    {"MatMul", matmul},
    {"Mean", mean},
    {"Mul", mul},
    {"Neg", neg},
    {"Pow", pow},
    {"Reciprocal", reciprocal},
    {"ReduceMean", reduce_mean},
    {"ReduceSum", reduce_sum},
    {"Relu", relu},
    {"Reshape", reshape},
    {"Round", zero},
    {"Sigmoid", sigmoid},
    {"Sign", zero},
    {"Sin", sin},
    {"Slice", slice},
    {"Softmax", softmax},
    {"Softplus", softplus},
    {"Split", split},
    {"Sqrt", sqrt},
    {"Squeeze", reshape},
    {"Sub", sub},
    {"Sum", sum},
    {"Tanh", tanh},
    {"Transpose", transpose},
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
