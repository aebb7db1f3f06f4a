#include "runtime/plan.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "ir/schema.h"
#include "ops/op/stored_weights.h"
#include "ops/op/widen.h"
#include "passes/axis_groups.h"
#include "runtime/prepare.h"

namespace ow {

std::vector<uint8_t> ordered_axes(size_t rank, const Order& order) {
  std::vector<uint8_t> axes(rank);
  std::iota(axes.begin(), axes.end(), uint8_t{0});
  if (order.channels_last && rank >= 3) std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
  const bool listed = order.axes.size() == rank &&
                      std::all_of(order.axes.begin(), order.axes.end(), [&](uint8_t a) { return a < rank; });
  return listed && !order.channels_last ? order.axes : axes;
}

Shape ordered_strides(const Shape& shape, const Order& order) {
  const size_t rank = shape.rank();
  const auto axes = ordered_axes(rank, order);
  Shape strides(rank, 1);
  int64_t stride = 1;
  for (size_t i = rank; i-- > 0;) {
    strides[axes[i]] = stride;
    stride = next_stride(stride, shape[axes[i]]);
  }
  return strides;
}

namespace {

class Compiler {
 public:
  Compiler(std::shared_ptr<const ir::Graph> graph, const PlanOptions& options) : options_(options) {
    plan_ = std::make_shared<Plan>();
    plan_->graph = std::move(graph);
    plan_->strict = options.strict;
  }

  Result<std::shared_ptr<const Plan>> run() {
    const ir::Graph& g = *plan_->graph;
    for (const ir::Value* v : g.inputs()) plan_->inputs.push_back(pinned_slot(v));
    preparations_ = ONWARD_TRY(prepare_nodes(g, options_));
    size_t index = 0;
    for (const auto& node : g.nodes()) ONWARD_TRY(add_node(*node, preparations_[index++]));
    for (const ir::Value* v : g.outputs()) plan_->outputs.push_back(reordered(ONWARD_TRY(slot_of(v)), {}));
    lifetimes();
    return std::shared_ptr<const Plan>(plan_);
  }

 private:
  int new_slot(Slot slot) {
    plan_->slots.push_back(std::move(slot));
    return static_cast<int>(plan_->slots.size() - 1);
  }

  int pinned_slot(const ir::Value* v) {
    int s = new_slot({.value = v, .pinned = true});
    slots_[v] = s;
    return s;
  }

  // The slot of a value; constants and captures get theirs on first use.
  Result<int> slot_of(const ir::Value* v) {
    if (auto it = slots_.find(v); it != slots_.end()) return it->second;
    if (v->is_constant()) {
      int s = pinned_slot(v);
      plan_->constants.emplace_back(s, ONWARD_TRY(read_by_runs(*v)));
      return s;
    }
    if (v->graph() == plan_->graph.get())
      return internal_error("value '", v->name(), "' is read before it is made");
    int s = pinned_slot(v);
    plan_->captures.emplace_back(v, s);
    return s;
  }

  // A constant as `run` of its readers takes it.
  Result<Tensor> read_by_runs(const ir::Value& v) const {
    const Tensor& stored = *v.fact.constant;
    const bool any_address = std::all_of(v.uses().begin(), v.uses().end(), [](const auto& use) {
      return runs_unaligned(*use.node, static_cast<size_t>(use.input_index));
    });
    return any_address && v.output_uses() == 0 ? stored : copy_aligned(stored, options_);
  }

  int reordered(int slot, const Order& order) {
    if (plan_->slots[static_cast<size_t>(slot)].order == order) return slot;
    for (int known : copies_[slot])
      if (plan_->slots[static_cast<size_t>(known)].order == order) return known;
    const int made = new_slot({.reorder_of = slot, .order = order});
    copies_[slot].push_back(made);
    plan_->steps.push_back({.kind = Step::Kind::kReorder, .inputs = {slot}, .outputs = {made}});
    return made;
  }

  static Order without_gaps(Order order) {
    order.has_gaps = false;
    return order;
  }

  // The slot, or a copy of it, in this order, with gaps where they may be.
  int arranged(int slot, const Order& order, bool with_gaps) {
    const Order& has = plan_->slots[static_cast<size_t>(slot)].order;
    return with_gaps && without_gaps(has) == order ? slot : reordered(slot, order);
  }

  size_t rank_of(const ir::Value* v) const { return v && v->type().shape ? v->type().shape->size() : 0; }

  Status add_node(const ir::Node& node, Preparation& prepared) {
    const Op* op = prepared.op;
    Step step{.op = op, .node = &node, .tensor_inputs = tensor_inputs(node)};
    step.attrs = std::move(prepared.attrs);
    step.prepared = std::move(prepared.made);
    std::vector<int> inputs;
    for (size_t i = 0; i < node.inputs().size(); ++i) {
      const ir::Value* v = node.inputs()[i];
      const bool unread = !v || (i < 32 && (prepared.dropped >> i & 1));
      inputs.push_back(unread ? -1 : ONWARD_TRY(slot_of(v)));
    }
    const Order out = choose_orders(step, inputs);
    step.inputs = std::move(inputs);
    for (const ir::Value* v : node.inputs())
      step.input_types.push_back(v && v->type().is_tensor() ? v->type().dtype : DType::kUndefined);
    if (Status s = check_input_types(node, step.input_types); !s.ok()) return invalid_model(s.message());
    step.unknown_types = std::any_of(node.inputs().begin(), node.inputs().end(), may_be_of_any_type);
    ONWARD_TRY(add_subgraphs(node, step));
    for (size_t o = 0; o < node.outputs().size(); ++o)
      step.outputs.push_back(output_slot(*op, node, step, o, takes_order(step, o) ? out : Order{}));
    step.join_axis = join_axis(node);
    plan_->steps.push_back(std::move(step));
    return {};
  }

  int join_axis(const ir::Node& node) const {
    const auto rank = static_cast<int64_t>(rank_of(node.output(0)));
    if (!node.is("Concat") || rank == 0) return -1;
    const int64_t axis = AttrReader(node).integer("axis", 0);
    return static_cast<int>(axis < 0 ? axis + rank : axis);
  }

  static bool may_be_of_any_type(const ir::Value* v) {
    using Kind = ir::Type::Kind;
    if (!v) return false;
    const ir::Type& t = v->type();
    return t.kind == Kind::kUnknown || t.kind == Kind::kOptional ||
           (t.is_tensor() && t.dtype == DType::kUndefined);
  }

  // Which inputs the schema allows nothing but tensors for. Nodes of this build's own domain take tensors
  // only, and so do most of others'.
  static uint64_t tensor_inputs(const ir::Node& node) {
    const Schema* schema = find_schema(node.domain, node.op_type, newest_opset(node.domain));
    // The one operator without a schema that looks at what kind of value it gets.
    if (!schema) return node.is("SparseToDenseMatMul", "com.microsoft") ? ~uint64_t{1} : ~uint64_t{0};
    uint64_t mask = 0;
    for (size_t i = 0; i < 64; ++i) {
      const SchemaParam* p = schema->input(i);
      if (!p) continue;
      const TypeSet& t = p->types();
      if (t.any_tensor() && !t.any_sequence() && !t.any_optional() && !t.any_other())
        mask |= uint64_t{1} << i;
    }
    return mask;
  }

  int output_slot(const Op& op, const ir::Node& node, const Step& step, size_t o, Order order) {
    const ir::Value* v = node.outputs()[o];
    if (!v) return -1;
    Slot slot{.value = v, .order = std::move(order)};
    const int source =
        op.traits.layout == LayoutRule::kTranspose && !packs_elements(node) ? 0 : op.traits.view_of;
    if (o == 0 && source >= 0 && static_cast<size_t>(source) < step.inputs.size())
      slot.alias_of = step.inputs[static_cast<size_t>(source)];
    int s = new_slot(std::move(slot));
    slots_[v] = s;
    return s;
  }

  // Replaces inputs by copies in the order that the operator needs; returns the order of its outputs.
  Order choose_orders(Step& step, std::vector<int>& inputs) {
    const Op& op = *step.op;
    const ir::Node& node = *step.node;
    auto order = [&](int slot) -> const Order& { return plan_->slots[static_cast<size_t>(slot)].order; };
    const LayoutRule rule = packs_elements(node) ? LayoutRule::kDense : op.traits.layout;
    switch (rule) {
      case LayoutRule::kDense:
        if (auto kept = reshaped_order(op, node, inputs)) return *kept;
        for (int& s : inputs)
          if (s >= 0) s = reordered(s, {});
        return {};
      case LayoutRule::kChannelsLast: {
        for (size_t i = 0; i < inputs.size(); ++i)
          if (inputs[i] >= 0) {
            const bool image = i == 0 || (i < 32 && (op.traits.images >> i & 1));
            inputs[i] = reordered(inputs[i], image ? Order{.channels_last = true} : Order{});
          }
        return Order{.channels_last = true};
      }
      case LayoutRule::kElementwise: {
        Order common;
        for (size_t i = 0; i < inputs.size() && common.is_row_major(); ++i)
          if (inputs[i] >= 0 && covers_output(node, i)) common = without_gaps(order(inputs[i]));
        for (size_t i = 0; i < inputs.size(); ++i)
          if (inputs[i] >= 0)
            inputs[i] = covers_output(node, i) ? arranged(inputs[i], common, true) : reordered(inputs[i], {});
        return common;
      }
      case LayoutRule::kTranspose:
        return node.is("Transpose") ? transposed(node, inputs) : cut(node, inputs);
      case LayoutRule::kAlongAxes:
        return along_axes(step, inputs);
      case LayoutRule::kUnread:
        return {};
    }
    return {};
  }

  bool takes_order(const Step& step, size_t o) const {
    return o == 0 ? step.memory_axes.empty() || rank_of(step.node->output(0)) == step.memory_axes.size()
                  : rank_of(step.node->outputs()[o]) == step.memory_axes.size() && !step.memory_axes.empty();
  }

  // The first order that is not row-major among the inputs of input 0's rank becomes that of them all.
  Order along_axes(Step& step, std::vector<int>& inputs) {
    const ir::Node& node = *step.node;
    const size_t rank = rank_of(node.input(0));
    Order common;
    bool ranks_known = rank > 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] < 0) continue;
      ranks_known &= node.inputs()[i]->type().shape.has_value();
      const Order order = without_gaps(plan_->slots[static_cast<size_t>(inputs[i])].order);
      if (rank_of(node.inputs()[i]) == rank && common.is_row_major() &&
          (order.channels_last ? rank >= 3 : order.axes.size() == rank))
        common = order;
    }
    if (!ranks_known) common = {};
    const bool with_gaps = join_axis(node) >= 0;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] >= 0)
        inputs[i] = rank_of(node.inputs()[i]) == rank ? arranged(inputs[i], common, with_gaps)
                                                      : reordered(inputs[i], {});
    if (common.is_row_major()) return {};
    step.memory_axes = ordered_axes(rank, common);
    step.axis_places.resize(rank);
    for (size_t p = 0; p < rank; ++p) step.axis_places[step.memory_axes[p]] = static_cast<uint8_t>(p);
    return common;
  }

  // Tensors of 2- and 4-bit types have no strides.
  static bool packs_elements(const ir::Node& node) {
    auto packed = [](const ir::Value* v) {
      return v && v->type().is_tensor() && is_sub_byte(v->type().dtype);
    };
    return std::any_of(node.inputs().begin(), node.inputs().end(), packed) ||
           std::any_of(node.outputs().begin(), node.outputs().end(), packed);
  }

  // Whether input i has every element of output 0 in its own place. A broadcast operand is read with stride
  // 0: its order does not matter. Sizes that are not known count as equal unless one of them is 1.
  bool covers_output(const ir::Node& node, size_t i) const {
    const ir::Value *x = node.inputs()[i], *y = node.output(0);
    const size_t rank = rank_of(y);
    if (rank == 0 || rank_of(x) != rank) return false;
    for (size_t axis = 0; axis < rank; ++axis)
      if ((*x->type().shape)[axis].is(1) && !(*y->type().shape)[axis].is(1)) return false;
    return true;
  }

  Order transposed(const ir::Node& node, std::vector<int>& inputs) {
    const size_t rank = rank_of(node.input(0));
    const auto perm = AttrReader(node).maybe_integers("perm");
    if (rank == 0 || rank > 200 || (perm && perm->size() != rank)) {
      inputs[0] = reordered(inputs[0], {});
      return {.axes = {255}};  // not known here: whoever reads it takes a dense copy
    }
    const Order source = plan_->slots[static_cast<size_t>(inputs[0])].order;
    if (!source.axes.empty() && source.axes.size() != rank) inputs[0] = reordered(inputs[0], {});
    // Output axis j is input axis perm[j].
    Order out;
    for (uint8_t a : ordered_axes(rank, source))
      for (size_t j = 0; j < rank; ++j)
        if ((perm ? static_cast<size_t>((*perm)[j]) : rank - 1 - j) == a)
          out.axes.push_back(static_cast<uint8_t>(j));
    if (out.axes.size() != rank) return {.axes = {255}};
    out.has_gaps = source.has_gaps;
    return normalised(std::move(out), node.output(0));
  }

  // A part of input 0 along one axis, which may be left out behind that.
  Order cut(const ir::Node& node, std::vector<int>& inputs) {
    const AttrReader a(node);
    const size_t rank = rank_of(node.input(0));
    const auto axis = static_cast<uint8_t>(a.integer("axis", 0));
    const Order source = plan_->slots[static_cast<size_t>(inputs[0])].order;
    if (rank == 0 || rank > 200 || (!source.axes.empty() && source.axes.size() != rank)) {
      inputs[0] = reordered(inputs[0], {});
      return {.axes = {255}};
    }
    const bool drops = a.flag("drop", false);
    Order out;
    for (uint8_t at : ordered_axes(rank, source))
      if (!drops || at != axis) out.axes.push_back(drops && at > axis ? at - 1 : at);
    out.has_gaps = true;
    return normalised(std::move(out), node.output(0));
  }

  // `v` in that order; axes of extent 1 are anywhere.
  static Order normalised(Order o, const ir::Value* v) {
    const SymShape* shape =
        v && v->type().shape && v->type().shape->size() == o.axes.size() ? &*v->type().shape : nullptr;
    std::vector<uint8_t> longer;
    for (uint8_t a : o.axes)
      if (!shape || !(*shape)[a].is(1)) longer.push_back(a);
    if (std::is_sorted(longer.begin(), longer.end())) return {.has_gaps = o.has_gaps};
    const size_t rank = o.axes.size();
    std::vector<uint8_t> axes(rank);
    std::iota(axes.begin(), axes.end(), uint8_t{0});
    if (rank < 3) return o;
    std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
    if (o.axes == axes) return {.channels_last = true, .has_gaps = o.has_gaps};
    return o;
  }

  // The order of a Reshape's output if that is a view of an input that is not row-major.
  std::optional<Order> reshaped_order(const Op& op, const ir::Node& node, const std::vector<int>& inputs) {
    const ir::Value *x = node.input(0), *y = node.output(0);
    if (op.traits.view_of != 0 || !keeps_strides(node) || inputs[0] < 0 || !y || !y->type().shape)
      return std::nullopt;
    const Order& source = plan_->slots[static_cast<size_t>(inputs[0])].order;
    const size_t rank = rank_of(x);
    if (source.is_row_major() || rank == 0 || rank > 200 || y->type().shape->size() > 200 ||
        (!source.axes.empty() && source.axes.size() != rank))
      return std::nullopt;
    const auto out =
        regrouped(*x->type().shape, *y->type().shape, ordered_axes(rank, source), source.has_gaps);
    if (!out) return std::nullopt;
    const Order order{.axes = *out, .has_gaps = source.has_gaps};
    return normalised(order, y);
  }

  Status add_subgraphs(const ir::Node& node, Step& step) {
    Status status;
    node.visit_subgraphs([&](const std::string&, ir::Graph& g) {
      if (!status.ok()) return;
      auto sub = compile_plan(std::shared_ptr<const ir::Graph>(plan_->graph, &g), options_);
      if (!sub.ok()) {
        status = sub.take_status();
        return;
      }
      std::vector<Capture> captures;
      for (auto [value, to] : (*sub)->captures) {
        auto from = slot_of(value);
        if (!from.ok()) {
          status = from.take_status();
          return;
        }
        captures.push_back({reordered(*from, {}), to});
      }
      step.subgraphs.push_back({&g, *std::move(sub), std::move(captures), plan_->subgraph_count++});
    });
    return status;
  }

  void lifetimes() {
    Plan& p = *plan_;
    auto root = [&](int s) {
      while (p.slots[static_cast<size_t>(s)].alias_of >= 0) s = p.slots[static_cast<size_t>(s)].alias_of;
      return s;
    };
    auto read = [&](int s, int at) {
      if (s < 0) return;
      p.slots[static_cast<size_t>(s)].last_step = std::max(p.slots[static_cast<size_t>(s)].last_step, at);
      Slot& r = p.slots[static_cast<size_t>(root(s))];
      r.last_step = std::max(r.last_step, at);
    };
    const int count = static_cast<int>(p.steps.size());
    for (int i = 0; i < count; ++i) {
      const Step& step = p.steps[static_cast<size_t>(i)];
      for (int s : step.inputs) read(s, i);
      for (const Subplan& sub : step.subgraphs)
        for (const Capture& c : sub.captures) read(c.from, i);
      for (int s : step.outputs)
        if (s >= 0) {
          p.slots[static_cast<size_t>(s)].first_step = i;
          read(s, i);
        }
    }
    for (int s : p.outputs) {
      read(s, count);
      p.slots[static_cast<size_t>(s)].escapes = true;
      p.slots[static_cast<size_t>(root(s))].escapes = true;
    }
    for (size_t s = 0; s < p.slots.size(); ++s)
      if (const int last = p.slots[s].last_step; last >= 0 && last < count && !p.slots[s].pinned)
        p.steps[static_cast<size_t>(last)].last_uses.push_back(static_cast<int>(s));
    p.unread = p.inputs;
    for (const auto& [value, slot] : p.captures) p.unread.push_back(slot);
    for (int s : p.outputs)
      if (!p.slots[static_cast<size_t>(s)].value || !p.slots[static_cast<size_t>(s)].value->is_constant())
        p.unread.push_back(s);
  }

  std::shared_ptr<Plan> plan_;
  PlanOptions options_;
  std::unordered_map<const ir::Value*, int> slots_;
  std::unordered_map<int, std::vector<int>> copies_;
  std::vector<Preparation> preparations_;  // in the order of the nodes
};

}  // namespace

Result<std::shared_ptr<const Plan>> compile_plan(std::shared_ptr<const ir::Graph> graph,
                                                 const PlanOptions& options) {
  return Compiler(std::move(graph), options).run();
}

}  // namespace ow
