// Gradient of ai.onnx.preview.training: the derivatives of a value `y` by values `xs`, by reverse
// accumulation. Its attributes name values of the graph around it; import (passes/import.cc) looks them up
// and appends them to the inputs, which are then
//
//   what xs and zs are to be, what xs and zs name in the graph, what y names
//
// and writes the node out at once as what it stands for, before other rewrites touch what it names:
//   - the nodes that lead from xs and zs to y, again, where the node is given other values than those named;
//   - from y backwards, the gradient of every value on the way from an x, by the rules of ops/op/gradient.h.
//
// A y of more than one element is differentiated as the sum of its elements. xs and zs are independent
// variables: nothing is looked for behind them, and what y depends on besides is constant. An x that y does
// not depend on gets zeros.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ops/op/gradient.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::Strings xs, zs;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.texts("xs"), a.texts("zs")}; }

bool is_differentiable(const ir::Value* v) {
  return !v->type().is_tensor() || v->type().dtype == DType::kUndefined || is_floating(v->type().dtype);
}

// The values of graphs around `node` that it reads, through its subgraphs too.
std::vector<ir::Value*> values_read(const ir::Node& node) {
  std::vector<ir::Value*> out;
  const auto add = [&](ir::Value* v) {
    for (const ir::Graph* g = node.graph(); v && g; g = g->outer())
      if (v->graph() == g) return out.push_back(v);
  };
  std::for_each(node.inputs().begin(), node.inputs().end(), add);
  node.visit_subgraphs([&](const std::string&, ir::Graph& subgraph) {
    ir::visit_graphs(subgraph, [&](ir::Graph& g) {
      for (const auto& inner : g.nodes()) std::for_each(inner->inputs().begin(), inner->inputs().end(), add);
      std::for_each(g.outputs().begin(), g.outputs().end(), add);
    });
  });
  return out;
}

class Differentiation {
 public:
  Differentiation(const Attrs& a, Rewriter& c) : c_(c), xs_(a.xs.size()), variables_(xs_ + a.zs.size()) {}
  Status run();

 private:
  ir::Value* given(size_t i) const { return c_.in(i); }
  ir::Value* named(size_t i) const { return c_.in(variables_ + i); }
  ir::Value* target() const { return c_.in(2 * variables_); }
  // What takes a value's place among those given.
  ir::Value* now(ir::Value* v) const {
    auto it = copies_.find(v);
    return it == copies_.end() ? v : it->second;
  }
  bool is_copied(ir::Value* v) const { return copies_.count(v) != 0; }
  bool is_active(ir::Value* v) const { return active_.count(v) != 0; }

  Status check() const;
  void collect();
  Status forward(ir::Node& node);
  Status backward(const ir::Node& node);
  Status accumulate(const ir::Node& node, const GradientContext& context);

  Rewriter& c_;
  size_t xs_, variables_;
  std::unordered_set<ir::Value*> independent_;  // what xs and zs name
  std::vector<ir::Node*> nodes_;                // from the variables to y, each after what it reads
  std::unordered_map<ir::Value*, ir::Value*>
      copies_;                             // variables and what depends on them, where not as named
  std::unordered_set<ir::Value*> active_;  // depend on an x
  std::unordered_map<ir::Value*, ir::Value*> gradients_;
};

Status Differentiation::check() const {
  if (c_.node().inputs().size() != 2 * variables_ + 1)
    return c_.error("has ", c_.node().inputs().size(),
                    " inputs, expected as many as xs and zs name, each twice, and y");
  for (size_t i = 0; i <= 2 * variables_; ++i)
    if (!c_.in(i)) return c_.error("input ", i, " is missing");
  const auto check_type = [&](std::string_view what, const ir::Value* v) -> Status {
    if (v->type().is_tensor() && is_floating(v->type().dtype)) return {};
    return c_.error(what, " '", printable(v->name()), "' is ", v->type(),
                    ", expected a tensor of a float type");
  };
  ONWARD_TRY(check_type("y", target()));
  for (size_t i = 0; i < xs_; ++i) {
    ONWARD_TRY(check_type("xs", named(i)));
    ONWARD_TRY(check_type("input", given(i)));
  }
  return {};
}

// Depth first from y, so that a node comes after all that it reads.
void Differentiation::collect() {
  struct Entry {
    ir::Node* node;
    std::vector<ir::Value*> left;
  };
  std::unordered_set<ir::Node*> seen;
  std::vector<Entry> path;
  const auto enter = [&](ir::Value* v) {
    ir::Node* node = independent_.count(v) ? nullptr : v->producer();
    if (node && seen.insert(node).second) path.push_back({node, values_read(*node)});
  };
  enter(target());
  while (!path.empty()) {
    Entry& last = path.back();
    if (last.left.empty()) {
      nodes_.push_back(last.node);
      path.pop_back();
      continue;
    }
    ir::Value* next = last.left.back();
    last.left.pop_back();
    enter(next);
  }
}

// Which outputs depend on an x, and a copy of the node where it reads a copied value.
Status Differentiation::forward(ir::Node& node) {
  const auto read = values_read(node);
  const auto reads = [&](auto predicate) { return std::any_of(read.begin(), read.end(), predicate); };
  // Of what a value is cast like, only the type counts.
  const bool depends =
      node.is("CastLike") ? is_active(node.input(0)) : reads([&](ir::Value* v) { return is_active(v); });
  if (depends)
    for (ir::Value* v : node.outputs())
      if (v && is_differentiable(v)) active_.insert(v);
  if (!reads([&](ir::Value* v) { return is_copied(v); })) return {};
  bool nested = false;
  node.visit_subgraphs([&](const std::string&, ir::Graph&) { nested = true; });
  if (nested)
    return c_.cannot("is given other values than those it names, and ", node.label(),
                     ", which would run on them, has subgraphs");
  std::vector<ir::Value*> inputs;
  for (ir::Value* v : node.inputs()) inputs.push_back(v ? now(v) : nullptr);
  const auto outputs =
      ONWARD_TRY(c_.add_multi(node.op_type, inputs, node.outputs().size(), node.attributes, node.domain));
  for (size_t o = 0; o < outputs.size(); ++o)
    if (node.output(o)) copies_.emplace(node.output(o), outputs[o]);
  return {};
}

Status Differentiation::backward(const ir::Node& node) {
  std::vector<ir::Value*> inputs, outputs, gradients;
  std::vector<bool> wanted;
  bool reached = false;
  for (ir::Value* v : node.outputs()) {
    auto it = gradients_.find(v);
    outputs.push_back(v ? now(v) : nullptr);
    gradients.push_back(v && it != gradients_.end() && !independent_.count(v) ? it->second : nullptr);
    reached |= gradients.back() != nullptr;
  }
  if (!reached) return {};
  for (ir::Value* v : node.inputs()) {
    inputs.push_back(v ? now(v) : nullptr);
    wanted.push_back(v && is_active(v));
  }
  const GradientRule rule = find_gradient_rule(node);
  if (!rule)
    return c_.cannot("y depends on xs by way of ", node.label(), ", and this build has no derivative of ",
                     printable(node.domain), node.domain.empty() ? "" : ".", printable(node.op_type));
  GradientContext context(c_, node, inputs, outputs, gradients, wanted);
  rule(context);
  ONWARD_TRY(context.status().clone());
  return accumulate(node, context);
}

Status Differentiation::accumulate(const ir::Node& node, const GradientContext& context) {
  for (size_t i = 0; i < node.inputs().size(); ++i) {
    if (!context.wants(i) || !context.results[i]) continue;
    ir::Value*& sum = gradients_[node.input(i)];
    sum = sum ? ONWARD_TRY(c_.add("Add", {sum, context.results[i]})) : context.results[i];
  }
  return {};
}

Status Differentiation::run() {
  ONWARD_TRY(check());
  for (size_t i = 0; i < variables_; ++i) {
    independent_.insert(named(i));
    if (i < xs_) active_.insert(named(i));
    if (given(i) != named(i)) copies_.emplace(named(i), given(i));
  }
  for (size_t i = 0; i < variables_; ++i)
    if (now(named(i)) != given(i)) return c_.error("gives '", printable(named(i)->name()), "' two values");
  collect();
  for (ir::Node* node : nodes_) ONWARD_TRY(forward(*node));
  const auto filled = [&](double value, ir::Value* like) -> Result<ir::Value*> {
    ir::Value* shape = ONWARD_TRY(c_.add("Shape", {like}));
    return c_.add("Expand", {ONWARD_TRY(c_.scalar_like(like, value)), shape});
  };
  if (is_active(target())) gradients_[target()] = ONWARD_TRY(filled(1, now(target())));
  for (auto it = nodes_.rbegin(); it != nodes_.rend(); ++it) ONWARD_TRY(backward(**it));
  std::vector<ir::Value*> results;
  for (size_t i = 0; i < c_.node().outputs().size(); ++i) {
    results.push_back(nullptr);
    if (!c_.node().output(i)) continue;
    auto it = gradients_.find(named(i));
    ir::Value* gradient = it != gradients_.end() ? it->second : ONWARD_TRY(filled(0, given(i)));
    // One gradient may be that of several, and an output needs a value of its own.
    results.back() = ONWARD_TRY(c_.add("Identity", {gradient}));
  }
  return c_.replace(results);
}

Status infer(const Attrs& a, InferContext& c) {
  for (size_t o = 0; o < c.outputs() && o < a.xs.size(); ++o)
    if (c.has(o) && c.wants(o)) c.set(o, c.type(o));
  return {};
}

Status lower(const Attrs& a, Rewriter& c) {
  if (c.node().outputs().size() > a.xs.size())
    return c.error("has ", c.node().outputs().size(), " outputs, expected one for each of the ", a.xs.size(),
                   " xs at most");
  return Differentiation(a, c).run();
}

}  // namespace

ONWARD_OPS(gradient) {
  return {op<Attrs>({.name = "Gradient",
                     .domain = "ai.onnx.preview.training",
                     .read = read,
                     .infer = infer,
                     .lower = lower})};
}

}  // namespace ow
