// Derivatives of elementwise functions: each rule gives g times f'(x), and f' is the formula beside it.
#include <cmath>
#include <numbers>

#include "ops/op/gradient_rules.h"

namespace ow::gradients {
namespace {

using Context = GradientContext;

void give(Context& c, ir::Value* slope) { c.give(0, c.mul(c.gradient(), slope)); }
ir::Value* x(Context& c) { return c.in(0); }
ir::Value* one(Context& c) { return c.number(c.in(0), 1); }
ir::Value* square(Context& c, ir::Value* v) { return c.mul(v, v); }
ir::Value* over_root(Context& c, ir::Value* v) { return c.op("Reciprocal", {c.op("Sqrt", {v})}); }
ir::Value* scaled(Context& c, ir::Value* v, double factor) { return c.mul(v, c.number(v, factor)); }

ir::Value* select(Context& c, std::string_view compared, double with, ir::Value* yes, ir::Value* no) {
  return c.op("Where", {c.op(compared, {x(c), c.number(x(c), with)}), yes, no});
}

}  // namespace

void tan(Context& c) { give(c, c.add(one(c), square(c, c.out()))); }                     // 1 + y^2
void asin(Context& c) { give(c, over_root(c, c.sub(one(c), square(c, x(c))))); }         // 1 / sqrt(1 - x^2)
void acos(Context& c) { give(c, c.neg(over_root(c, c.sub(one(c), square(c, x(c)))))); }  // -1 / sqrt(1 - x^2)
void atan(Context& c) { give(c, c.div(one(c), c.add(one(c), square(c, x(c))))); }        // 1 / (1 + x^2)
void sinh(Context& c) { give(c, c.op("Cosh", {x(c)})); }
void cosh(Context& c) { give(c, c.op("Sinh", {x(c)})); }
void asinh(Context& c) { give(c, over_root(c, c.add(square(c, x(c)), one(c)))); }   // 1 / sqrt(x^2 + 1)
void acosh(Context& c) { give(c, over_root(c, c.sub(square(c, x(c)), one(c)))); }   // 1 / sqrt(x^2 - 1)
void atanh(Context& c) { give(c, c.div(one(c), c.sub(one(c), square(c, x(c))))); }  // 1 / (1 - x^2)

// x < 0: alpha e^x, which is y + alpha
void elu(Context& c) {
  const double alpha = c.attributes().real("alpha", 1);
  give(c, select(c, "Less", 0, c.add(c.out(), c.number(x(c), alpha)), one(c)));
}

// x < 0: e^(x / alpha)
void celu(Context& c) {
  const double alpha = c.attributes().real("alpha", 1);
  give(c, select(c, "Less", 0, c.op("Exp", {c.div(x(c), c.number(x(c), alpha))}), one(c)));
}

// gamma, x <= 0: gamma alpha e^x
void selu(Context& c) {
  const double alpha = c.attributes().real("alpha", 1.67326319217681884765625f);
  const double gamma = c.attributes().real("gamma", 1.05070102214813232421875f);
  ir::Value* left = scaled(c, c.op("Exp", {x(c)}), gamma * alpha);
  give(c, select(c, "Greater", 0, c.number(x(c), gamma), left));
}

// y = max(0, min(1, alpha x + beta))
void hard_sigmoid(Context& c) {
  const double alpha = c.attributes().real("alpha", 0.2f);
  ir::Value* zero = c.number(x(c), 0);
  ir::Value* above = c.op("Where", {c.op("Greater", {c.out(), zero}), c.number(x(c), alpha), zero});
  give(c, c.op("Where", {c.op("Less", {c.out(), one(c)}), above, zero}));
}

// |x| < 3: (2 x + 3) / 6
void hard_swish(Context& c) {
  ir::Value* middle = c.div(c.add(c.add(x(c), x(c)), c.number(x(c), 3)), c.number(x(c), 6));
  ir::Value* right = select(c, "Less", 3, middle, one(c));
  give(c, select(c, "Greater", -3, right, c.number(x(c), 0)));
}

// x tanh(s), s = softplus(x): tanh(s) + x (1 - tanh(s)^2) sigmoid(x)
void mish(Context& c) {
  ir::Value* t = c.op("Tanh", {c.op("Softplus", {x(c)})});
  ir::Value* steep = c.mul(c.sub(one(c), square(c, t)), c.op("Sigmoid", {x(c)}));
  give(c, c.add(t, c.mul(x(c), steep)));
}

// x sigmoid(alpha x) = x s: s + alpha x s (1 - s)
void swish(Context& c) {
  ir::Value* inner = scaled(c, x(c), c.attributes().real("alpha", 1));
  ir::Value* s = c.op("Sigmoid", {inner});
  give(c, c.add(s, c.mul(inner, c.mul(s, c.sub(one(c), s)))));
}

// 1 / (1 + |x|)^2
void softsign(Context& c) { give(c, c.op("Reciprocal", {square(c, c.add(one(c), c.op("Abs", {x(c)})))})); }

void thresholded_relu(Context& c) {
  give(c, select(c, "Greater", c.attributes().real("alpha", 1), one(c), c.number(x(c), 0)));
}

void shrink(Context& c) {
  ir::Value* outside =
      c.op("Greater", {c.op("Abs", {x(c)}), c.number(x(c), c.attributes().real("lambd", 0.5f))});
  give(c, c.op("Where", {outside, one(c), c.number(x(c), 0)}));
}

// x F(x): F + x F', with F = (1 + erf(x / sqrt 2)) / 2, or (1 + t) / 2, t = tanh(sqrt(2 / pi) (x + 0.044715
// x^3)).
void gelu(Context& c) {
  const double root = std::sqrt(2 * std::numbers::inv_pi);
  ir::Value *inner = nullptr, *slope = nullptr;  // of F, twice
  if (c.attributes().text("approximate", "none") == "tanh") {
    ir::Value* squared = square(c, x(c));
    ir::Value* cubic = c.mul(x(c), c.add(one(c), scaled(c, squared, 0.044715)));
    inner = c.op("Tanh", {scaled(c, cubic, root)});
    ir::Value* growth = scaled(c, c.add(one(c), scaled(c, squared, 3 * 0.044715)), root);
    slope = c.mul(c.sub(one(c), square(c, inner)), growth);
  } else {
    inner = c.op("Erf", {scaled(c, x(c), std::numbers::sqrt2 / 2)});
    slope = scaled(c, c.op("Exp", {scaled(c, square(c, x(c)), -0.5)}), root);
  }
  give(c, scaled(c, c.add(c.add(one(c), inner), c.mul(x(c), slope)), 0.5));
}

// x < 0: slope x
void prelu(Context& c) {
  ir::Value *zero = c.number(x(c), 0), *negative = c.op("Less", {x(c), zero});
  if (c.wants(0)) c.give(0, c.op("Where", {negative, c.mul(c.gradient(), c.in(1)), c.gradient()}));
  if (c.wants(1)) c.give(1, c.summed_to(c.op("Where", {negative, c.mul(c.gradient(), x(c)), zero}), c.in(1)));
}

}  // namespace ow::gradients
