// Chains and trees of elementwise float32 nodes become one onward.Elementwise node, which passes over memory
// once: a node takes in those that make its operands, where nobody else reads them and they have the shape of
// its own result. Constants of one element become part of the program.
#include <algorithm>
#include <unordered_set>

#include "kernels/elementwise_program.h"
#include "ops/op/fused.h"
#include "passes/match.h"
#include "passes/passes.h"

namespace ow {
namespace {

using kernels::Activation;
using kernels::TileOp;

// A node as a step: its operands, of which one may be the value.
struct Step {
  TileOp op = TileOp::kAdd;
  Activation activation = Activation::kNone;
  const ir::Value *a = nullptr, *b = nullptr;
  float value = 0, beta = 0;
};

std::optional<TileOp> arithmetic(const ir::Node& n) {
  constexpr std::pair<std::string_view, TileOp> kNames[] = {
      {"Add", TileOp::kAdd}, {"Sub", TileOp::kSub}, {"Mul", TileOp::kMul}, {"Div", TileOp::kDiv}};
  for (auto [name, op] : kNames)
    if (n.is(name)) return op;
  return std::nullopt;
}

std::optional<TileOp> function(const ir::Node& n) {
  constexpr std::pair<std::string_view, TileOp> kNames[] = {
      {"Neg", TileOp::kNeg},   {"Abs", TileOp::kAbs},
      {"Sqrt", TileOp::kSqrt}, {"Reciprocal", TileOp::kReciprocal},
      {"Exp", TileOp::kExp},   {"Log", TileOp::kLog},
      {"Erf", TileOp::kErf}};
  for (auto [name, op] : kNames)
    if (n.is(name)) return op;
  return std::nullopt;
}

bool is_float(const ir::Value* v) {
  return v && v->type().is_tensor() && v->type().dtype == DType::kFloat32 && v->type().shape;
}

std::optional<Step> step_of(ir::Node& n) {
  if (n.outputs().size() != 1 || !is_float(n.output(0)) || n.inputs().empty()) return std::nullopt;
  for (const ir::Value* v : n.inputs())
    if (v && !is_float(v)) return std::nullopt;
  Step s{.a = n.input(0)};
  if (!s.a) return std::nullopt;
  if (const auto op = arithmetic(n)) {
    if (n.inputs().size() != 2 || !n.input(1)) return std::nullopt;
    s.op = *op;
    s.b = n.input(1);
    // A constant of one element that does not add axes to the result.
    auto small = [](const ir::Value* v, const ir::Value* other) {
      return scalar(v) && v->type().shape->size() <= other->type().shape->size();
    };
    if (small(s.b, s.a))
      s.value = *scalar(s.b), s.b = nullptr;
    else if (small(s.a, s.b))
      s.value = *scalar(s.a), s.a = nullptr;
    return s;
  }
  if (const auto op = function(n)) {
    s.op = *op;
    return s;
  }
  if (n.is("Pow")) {
    if (!scalar(n.input(1)) || *scalar(n.input(1)) != 2 || !n.input(1)->type().shape->empty())
      return std::nullopt;
    s.op = TileOp::kSquare;
    return s;
  }
  const auto activation = plain_activation(n);
  const auto kind = activation ? activation_named(activation->name) : std::nullopt;
  if (!kind) return std::nullopt;
  s.op = TileOp::kActivate;
  s.activation = *kind;
  s.value = activation->alpha;
  s.beta = activation->beta;
  return s;
}

// Whether `a`, not meant to be broadcast, may turn out to have the shape of `b` once more sizes are known.
bool may_be_alike(const ir::Value* a, const ir::Value* b) {
  const SymShape &s = *a->type().shape, &t = *b->type().shape;
  bool alike = s.size() == t.size();
  for (size_t i = 0; alike && i < s.size(); ++i)
    alike = s[i] == t[i] || (!s[i].is(1) && (!s[i].constant() || !t[i].constant()));
  return alike;
}

class Tree {
 public:
  explicit Tree(Why& why) : why_(why) {}
  // Takes in what it can from `root` on; whether that is more than the root.
  bool grow(ir::Node& root) {
    root_ = &root;
    take(root);
    if (why_.asked()) tell_of_shared_operands();
    return order_.size() > 1;
  }
  const std::vector<ir::Node*>& nodes() const { return order_; }

  ir::Node* emit(ir::Patch& patch) const {
    ir::Ints steps;
    ir::Floats values;
    auto operand = [&](const ir::Value* v) {
      if (!v) return int64_t{-1};
      for (size_t i = 0; i < inputs_.size(); ++i)
        if (inputs_[i] == v) return static_cast<int64_t>(i);
      for (size_t i = 0; i < order_.size(); ++i)
        if (order_[i]->output(0) == v) return static_cast<int64_t>(inputs_.size() + i);
      return int64_t{-1};
    };
    for (ir::Node* n : order_) {
      const Step s = *step_of(*n);
      for (int64_t i :
           {static_cast<int64_t>(s.op), static_cast<int64_t>(s.activation), operand(s.a), operand(s.b)})
        steps.push_back(i);
      values.push_back(s.value);
      values.push_back(s.beta);
    }
    return patch.insert(root_, "Elementwise", "onward", inputs_, 1,
                        {{"steps", std::move(steps)}, {"values", std::move(values)}});
  }

 private:
  static constexpr size_t kMaxSteps = 24;

  // Its operands first. They are inputs until their maker is taken in.
  void take(ir::Node& n) {
    ++taken_;
    const Step s = *step_of(n);
    for (const ir::Value* v : {s.a, s.b}) {
      if (!v || std::find(inputs_.begin(), inputs_.end(), v) != inputs_.end()) continue;
      // What this node and those that wait for it may yet add, besides what the maker does.
      const size_t mine = v == s.a && s.b ? 1 : 0;
      if (takes_maker(v, n, mine)) {
        waiting_ += mine;
        take(*v->producer());
        waiting_ -= mine;
      } else {
        inputs_.push_back(const_cast<ir::Value*>(v));
      }
    }
    order_.push_back(&n);
  }

  bool takes_maker(const ir::Value* v, const ir::Node& n, size_t mine) {
    ir::Node* maker = v->producer();
    if (!maker || maker->graph() != n.graph() || !step_of(*maker)) return false;
    const ir::Value* y = root_->output(0);
    if (only_reader(v) != &n) return false;
    if (!same_shape(v, y)) {
      if (why_.asked() && may_be_alike(v, y))
        why_.no(2, v, " is ", v->type(), ", expected the shape of ", y, ", ", y->type());
      return false;
    }
    if (taken_ >= kMaxSteps) return why_.no(3, "the chain is full: ", kMaxSteps, " nodes"), false;
    if (inputs_.size() + waiting_ + mine + 2 > kernels::kTileInputs)
      return why_.no(3, "the chain would read more than ", kernels::kTileInputs, " tensors with ", maker),
             false;
    return true;
  }

  // A value that only nodes of the tree read would not have to be in memory.
  void tell_of_shared_operands() {
    for (const ir::Value* v : inputs_) {
      const auto& uses = v->uses();
      const bool inside = std::all_of(uses.begin(), uses.end(), [&](const auto& use) {
        return std::find(order_.begin(), order_.end(), use.node) != order_.end();
      });
      ir::Node* maker = v->producer();
      if (maker && uses.size() > 1 && inside && v->output_uses() == 0 && step_of(*maker) &&
          same_shape(v, root_->output(0)))
        why_.no(1, ReadersOf{v}, "; a chain takes in what is read once");
    }
  }

  Why& why_;
  ir::Node* root_ = nullptr;
  std::vector<ir::Node*> order_;
  std::vector<ir::Value*> inputs_;
  size_t taken_ = 0, waiting_ = 0;  // nodes begun; second operands that are yet to come
};

}  // namespace

Result<int> fuse_elementwise(ir::Graph& g, MissedFusions* missed) {
  std::vector<ir::Node*> nodes;
  for (const auto& node : g.nodes()) nodes.push_back(node.get());
  std::unordered_set<const ir::Node*> gone;
  int changes = 0;
  ir::Patch patch(g);
  for (size_t i = nodes.size(); i-- > 0;) {
    ir::Node* root = nodes[i];
    if (gone.count(root) || !step_of(*root)) continue;
    Why why(missed, *root);
    Tree tree(why);
    if (!tree.grow(*root)) continue;
    ir::Node* fused = tree.emit(patch);
    fused->name = root->name;
    fused->output(0)->fact.type = root->output(0)->fact.type;
    patch.replace_uses(root->output(0), fused->output(0));
    gone.insert(tree.nodes().begin(), tree.nodes().end());
    ++changes;
  }
  patch.erase_dead();
  return changes;
}

}  // namespace ow
