// Derivatives of operators that move elements: y[j] is x[place(j)], or nothing of x. The operator itself says
// the places when it is run on the numbers 1, 2, .. in the shape of x: what it fills in is 0. The gradient of
// x is then g summed by place, in a list whose first element collects what came from nowhere.
#include "ops/op/gradient_rules.h"

namespace ow::gradients {
namespace {

using Context = GradientContext;

ir::Value* flat(Context& c, ir::Value* v) { return c.op("Reshape", {v, c.ints({-1})}); }

// [1 + number of elements of x]: g summed by place.
ir::Value* collected(Context& c, std::vector<ir::Value*> inputs) {
  ir::Value* end = c.add(c.op("Size", {c.in(0)}), c.int_scalar(1));
  ir::Value* numbers = c.op("Range", {c.int_scalar(1), end, c.int_scalar(1)});
  inputs[0] = c.reshaped_to(numbers, c.in(0));
  ir::Value* places = c.op(c.node().op_type, inputs, c.node().attributes);
  ir::Value* zeros = c.op("Expand", {c.number(c.gradient(), 0), c.op("Reshape", {end, c.ints({1})})});
  return c.op("ScatterElements", {zeros, flat(c, places), flat(c, c.gradient())},
              {{"reduction", std::string("add")}});
}

void give_collected(Context& c, ir::Value* sums) {
  ir::Value* own = c.op("Slice", {sums, c.ints({1}), c.op("Shape", {sums})});
  c.give(0, c.reshaped_to(own, c.in(0)));
}

ir::Value* zeros_like(Context& c, ir::Value* v) { return c.filled(0, v); }

}  // namespace

void moved(Context& c) {
  std::vector<ir::Value*> inputs;
  for (size_t i = 0; i < c.inputs(); ++i) {
    inputs.push_back(c.in(i));
    if (i > 0 && c.wants(i)) return c.fail("its input ", i, " depends on what is differentiated by");
  }
  give_collected(c, collected(c, inputs));
}

// To the nearest element.
void resize(Context& c) {
  const AttrReader a = c.attributes();
  if (a.text("mode", "nearest") != "nearest")
    return c.fail("its mode is '", a.text("mode", "nearest"), "', expected 'nearest'");
  moved(c);
}

// What is filled in is constant_value.
void pad(Context& c) {
  std::vector<ir::Value*> inputs;
  for (size_t i = 0; i < c.inputs(); ++i) inputs.push_back(i == 2 ? nullptr : c.in(i));
  ir::Value* sums = collected(c, inputs);
  give_collected(c, sums);
  if (c.wants(2)) c.give(2, c.reshaped_to(c.op("Slice", {sums, c.ints({0}), c.ints({1})}), c.in(2)));
}

namespace {

// What data keeps, and what each update became: `gather` finds in g the places that `scatter` writes.
void scatter(Context& c, std::string_view gather, ir::Attributes where) {
  const std::string reduction(c.attributes().text("reduction", "none"));
  if (reduction != "none" && reduction != "add") return c.fail("its 'reduction' is ", reduction);
  if (c.wants(0)) {
    ir::Value* kept = c.gradient();
    if (reduction == "none")
      kept = c.op(c.node().op_type, {kept, c.in(1), zeros_like(c, c.in(2))}, c.node().attributes);
    c.give(0, kept);
  }
  if (c.wants(2)) c.give(2, c.op(gather, {c.gradient(), c.in(1)}, std::move(where)));
}

}  // namespace

void scatter_elements(Context& c) {
  scatter(c, "GatherElements", {{"axis", c.attributes().integer("axis", 0)}});
}

void scatter_nd(Context& c) { scatter(c, "GatherND", {}); }

void top_k(Context& c) {
  const std::vector<ir::Value*> all = c.all_outputs();
  if (!c.status().ok()) return;
  if (!c.gradient(0)) return;
  c.give(0, c.op("ScatterElements", {zeros_like(c, c.in(0)), all[1], c.gradient()},
                 {{"axis", c.attributes().integer("axis", -1)}}));
}

}  // namespace ow::gradients
