// Scan: (state.., y_t..) = body(state.., x_t..) for every slice x_t of the scan inputs along their axes, in
// either direction; the y_t are stacked along the output axes.
//
// Opset 8 has a batch axis before everything: it becomes a Scan over the batch around the newer Scan. Its
// sequence lengths have no counterpart.
#include "ops/op/join.h"
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::GraphPtr body;
  int64_t scan_inputs = 0;
  ir::Ints input_axes, input_directions, output_axes, output_directions;
  int64_t input_axis(size_t i) const { return i < input_axes.size() ? input_axes[i] : 0; }
  bool input_reversed(size_t i) const { return i < input_directions.size() && input_directions[i]; }
  int64_t output_axis(size_t i) const { return i < output_axes.size() ? output_axes[i] : 0; }
  bool output_reversed(size_t i) const { return i < output_directions.size() && output_directions[i]; }
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.body = a.graph("body"),
               .scan_inputs = a.required_integer("num_scan_inputs"),
               .input_axes = a.integers("scan_input_axes"),
               .input_directions = a.integers("scan_input_directions"),
               .output_axes = a.integers("scan_output_axes"),
               .output_directions = a.integers("scan_output_directions")};
}

// The number of state values.
Result<size_t> check_arity(const Attrs& a, const ir::Node& node) {
  const size_t inputs = node.inputs().size(), outputs = a.body->outputs().size();
  if (a.scan_inputs < 1 || a.scan_inputs > static_cast<int64_t>(inputs))
    return invalid_model(node.label(), ": num_scan_inputs is ", a.scan_inputs, " of ", inputs, " inputs");
  const size_t states = inputs - static_cast<size_t>(a.scan_inputs);
  if (a.body->inputs().size() != inputs || outputs < states || outputs < node.outputs().size())
    return invalid_model(node.label(), ": the body has ", a.body->inputs().size(), " inputs and ", outputs,
                         " outputs, expected ", inputs, " and at least ",
                         std::max(states, node.outputs().size()));
  return states;
}

Status infer(const Attrs& a, InferContext& c) {
  const size_t states = ONWARD_TRY(check_arity(a, c.node()));
  std::vector<ir::Fact> facts;
  std::vector<Feedback> feedback;
  Dim length = Dim::unknown();
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (i < states) {
      facts.push_back(c.has(i) ? c.fact(i) : ir::Fact{});
      feedback.push_back({i, i});
      continue;
    }
    ir::Type type = c.has(i) ? c.type(i) : ir::Type{};
    if (type.shape) {
      const auto axis = ONWARD_TRY(c.axis(a.input_axis(i - states), type.shape->size()));
      const Dim& d = (*type.shape)[static_cast<size_t>(axis)];
      if (length.is_constant() && d.is_constant() && !(length == d))
        return c.error("input ", i, " has ", d, " slices, others have ", length);
      if (!length.is_constant()) length = d;
      type.shape->erase(type.shape->begin() + axis);
    }
    facts.push_back({std::move(type), {}, {}});
  }
  const auto results = ONWARD_TRY(c.infer_subgraph(*a.body, facts, feedback));
  for (size_t o = 0; o < c.outputs(); ++o) {
    if (o < states) {
      c.results()[o] = c.has(o) ? common_fact(length, c.fact(o), results[o]) : results[o];
      c.results()[o].constant.reset();
      continue;
    }
    ir::Type type = results[o].type;
    if (type.shape) {
      const auto axis = ONWARD_TRY(c.axis(a.output_axis(o - states), type.shape->size() + 1));
      type.shape->insert(type.shape->begin() + axis, length);
    }
    c.set(o, std::move(type));
  }
  return {};
}

// Slice t of x along `axis`, dense.
Result<Tensor> slice_of(RunContext& c, const Tensor& x, size_t axis, int64_t t) {
  Shape shape;
  for (size_t i = 0; i < x.rank(); ++i)
    if (i != axis) shape.push_back(x.dim(i));
  const int64_t outer = x.shape().count(0, axis), inner = x.shape().count(axis + 1, x.rank());
  if (outer == 1 && !is_sub_byte(x.dtype())) return x.strided(shape, dense_strides(shape), t * inner);
  Tensor out = ONWARD_TRY(Tensor::allocate(x.dtype(), shape, c.budget()));
  const Units from = ONWARD_TRY(units_of(c, x));
  const Units units = ONWARD_TRY(units_of(c, out));
  MoveOutput to{out, units};
  const int64_t to_strides[] = {inner, 1}, from_strides[] = {x.dim(axis) * inner, 1}, dims[] = {outer, inner};
  copy_strided_units(c, to.units, to_strides, from.at(t * inner), from_strides, dims);
  to.finish();
  return out;
}

struct Input {
  const Tensor* tensor;
  size_t axis;
  bool reversed;
};

Result<std::vector<Input>> scan_inputs(const Attrs& a, RunContext& c, size_t states) {
  std::vector<Input> inputs;
  for (size_t i = states; i < c.inputs(); ++i) {
    if (!c.has(i) || !c.value(i).tensor()) return c.error("scan input ", i, " is no tensor");
    const Tensor& x = c.in(i);
    const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.input_axis(i - states), x.rank())));
    inputs.push_back({&x, axis, a.input_reversed(i - states)});
    if (x.dim(axis) != inputs[0].tensor->dim(inputs[0].axis))
      return c.error("input ", i, " has ", x.dim(axis), " slices, others have ",
                     inputs[0].tensor->dim(inputs[0].axis));
  }
  return inputs;
}

Status run(const Attrs& a, RunContext& c) {
  const size_t states = ONWARD_TRY(check_arity(a, c.node()));
  const auto inputs = ONWARD_TRY(scan_inputs(a, c, states));
  const int64_t length = inputs[0].tensor->dim(inputs[0].axis);
  std::vector<Value> arguments, results(a.body->outputs().size());
  for (size_t i = 0; i < c.inputs(); ++i) arguments.push_back(i < states ? c.value(i) : Value());
  std::vector<RowStack> scans;
  for (size_t k = 0; k + states < results.size(); ++k)
    scans.emplace_back(states + k, a.output_axis(k), length, a.output_reversed(k));
  for (int64_t t = 0; t < length; ++t) {
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Input& in = inputs[i];
      arguments[states + i] = ONWARD_TRY(slice_of(c, *in.tensor, in.axis, in.reversed ? length - 1 - t : t));
    }
    ONWARD_TRY(c.iterate(*a.body, t, arguments, results));
    for (size_t s = 0; s < states; ++s) arguments[s] = std::move(results[s]);
    for (size_t k = 0; k < scans.size(); ++k) {
      const Tensor* y = results[states + k].tensor();
      if (!y) return c.error("scan output ", k, " of the body is no tensor");
      ONWARD_TRY(scans[k].add(c, *y));
    }
  }
  for (size_t s = 0; s < states && s < c.outputs(); ++s) c.set(s, std::move(arguments[s]));
  for (RowStack& scan : scans) ONWARD_TRY(scan.finish(c));
  return {};
}

ir::Value* constant_ints(ir::Graph& g, std::string_view name, std::vector<int64_t> values) {
  const int64_t count = static_cast<int64_t>(values.size());
  return g.add_constant(name, Tensor::of<int64_t>({count}, values));
}

// The scan over the first `length` ([]) slices of a sequence. Scan outputs are filled up with zeros. One
// slice is looked at in any case: the shapes of what the body makes may not be known otherwise.
void add_bounded_scan(ir::Graph& g, ir::Value* length, std::vector<ir::Value*> inputs,
                      const std::vector<std::string>& outputs, ir::Attributes attributes, size_t states) {
  const auto one = [&](std::string_view op, std::vector<ir::Value*> in, std::string_view name,
                       ir::Attributes a = {}) {
    return g.add_node(op, "", std::move(in), {std::string(name)}, std::move(a))->output(0);
  };
  ir::Value *zero = constant_ints(g, "zero", {0}), *all = constant_ints(g, "all", {-1});
  ir::Value* extent = one("Shape", {inputs[states]}, "extent", {{"start", int64_t{0}}, {"end", int64_t{1}}});
  ir::Value* used = one("Reshape", {length, all}, "used");
  ir::Value* ran = one("Max", {used, one("Min", {extent, constant_ints(g, "1", {1})}, "least")}, "ran");
  const auto first_of = [&](ir::Value* v, ir::Value* count, ir::Value* whole, const std::string& name) {
    ir::Value* behind = one("Sub", {whole, count}, cat(name, ".behind"));
    ir::Value* parts = one("Concat", {count, behind}, cat(name, ".parts"), {{"axis", int64_t{0}}});
    return g.add_node("Split", "", {v, parts}, {name, cat(name, ".rest")}, {})->output(0);
  };
  const std::vector<ir::Value*> initial(inputs.begin(), inputs.begin() + static_cast<ptrdiff_t>(states));
  for (size_t i = states; i < inputs.size(); ++i)
    inputs[i] = first_of(inputs[i], ran, extent, cat("slices", i));
  std::vector<std::string> names;
  for (size_t o = 0; o < outputs.size(); ++o) names.push_back(cat("made", o));
  const ir::Node* scan = g.add_node("Scan", "", inputs, names, std::move(attributes));
  ir::Value* empty = one("Equal", {length, one("Squeeze", {zero}, "0")}, "empty");
  ir::Value* rest = one("Sub", {extent, used}, "rest");
  ir::Value* pads = one("Concat", {zero, rest}, "pads", {{"axis", int64_t{0}}});
  for (size_t o = 0; o < states; ++o)
    g.add_output(one("Where", {empty, initial[o], scan->output(o)}, outputs[o]));
  for (size_t o = states; o < names.size(); ++o) {
    ir::Value* rows = first_of(scan->output(o), used, ran, cat("rows", o));
    g.add_output(one("Pad", {rows, pads, nullptr, zero}, outputs[o]));
  }
}

// A scan over the batch around one over each sequence.
Status upgrade(Rewriter& c) {
  if (c.since_version() >= 9) return {};
  AttrReader a(c.node());
  auto batch = std::make_shared<ir::Graph>(c.node().graph());
  std::vector<ir::Value*> outer, inner;
  for (size_t i = 1; i < c.node().inputs().size(); ++i) {
    ir::Type type = c.in(i) ? c.in(i)->type() : ir::Type{};
    if (type.shape && !type.shape->empty()) type.shape->erase(type.shape->begin());
    outer.push_back(c.in(i));
    inner.push_back(batch->add_input(cat("in", i), std::move(type)));
  }
  std::vector<std::string> names(c.node().outputs().size());
  for (size_t o = 0; o < names.size(); ++o) names[o] = cat("out", o);
  ir::Attributes attributes{{"body", a.graph("body")},
                            {"num_scan_inputs", a.required_integer("num_scan_inputs")}};
  if (auto directions = a.maybe_integers("directions")) attributes["scan_input_directions"] = *directions;
  const int64_t scanned = a.integer("num_scan_inputs", 0);
  ONWARD_TRY(a.error().clone());
  if (scanned < 1 || scanned > static_cast<int64_t>(inner.size()))
    return c.error("attribute 'num_scan_inputs' is ", scanned, ", expected 1 to ", inner.size());
  const size_t states = inner.size() - static_cast<size_t>(scanned);
  if (states > names.size()) return c.error("has ", names.size(), " outputs for ", states, " states");
  c.remove_attribute("body");  // it belongs to the inner node now
  if (c.in(0)) {
    ir::Value* length = batch->add_input("length", ir::Type::tensor(DType::kInt64, SymShape{}));
    add_bounded_scan(*batch, length, inner, names, std::move(attributes), states);
    outer.push_back(c.in(0));
  } else {
    ir::Node* scan = batch->add_node("Scan", "", inner, names, std::move(attributes));
    for (ir::Value* v : scan->outputs()) batch->add_output(v);
  }
  const auto n = static_cast<int64_t>(outer.size());
  return c.replace(
      ONWARD_TRY(c.add_multi("Scan", outer, names.size(), {{"body", batch}, {"num_scan_inputs", n}})));
}

}  // namespace

ONWARD_OPS(scan) {
  return {op<Attrs>({.name = "Scan", .read = read, .infer = infer, .upgrade = upgrade, .run = run})};
}

}  // namespace ow
