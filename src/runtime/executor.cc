#include "runtime/executor.h"

#include <algorithm>

#include "kernels/transpose.h"

namespace ow {

// What a kernel call sees of the frame.
class Frame::Context final : public RunContext {
 public:
  Context(Frame& frame, const Step& step, const Binding* binding, const RunSettings& settings)
      : frame_(frame), step_(step), binding_(binding), settings_(settings) {
    static const Value kNothing;
    node_ = step.node;
    threads_ = settings.threads;
    budget_ = settings.budget;
    prepared_ = step.prepared.has_value() ? &step.prepared : nullptr;
    for (int s : step.inputs) inputs_.push_back(s >= 0 ? &frame.values_[static_cast<size_t>(s)] : &kNothing);
    axis_places_ = step.axis_places;
    for (int s : step.outputs) outputs_.push_back(s >= 0 ? &frame.values_[static_cast<size_t>(s)] : nullptr);
  }

  Result<Tensor> out(size_t o, DType dtype, const Shape& shape) override {
    const bool arranged = !axis_places_.empty() && shape.rank() == axis_places_.size();
    return arranged ? arranged_out(o, dtype, shape, step_.memory_axes) : plain_out(o, dtype, shape);
  }

  Result<Tensor> out_without(size_t o, DType dtype, const Shape& shape,
                             const std::vector<bool>& dropped) override {
    if (axis_places_.empty()) return plain_out(o, dtype, shape);
    std::vector<uint8_t> axes, kept;
    for (size_t place = 0; place < dropped.size(); ++place)
      if (!dropped[place]) axes.push_back(step_.memory_axes[place]);
    for (uint8_t axis : axes)
      kept.push_back(static_cast<uint8_t>(
          std::count_if(axes.begin(), axes.end(), [&](uint8_t other) { return other < axis; })));
    return arranged_out(o, dtype, shape, kept);
  }

  // Lets an operator along axes see its inputs in memory order.
  Status arrange_inputs() {
    if (axis_places_.empty()) return {};
    arranged_.reserve(inputs_.size());
    for (const Value*& v : inputs_) {
      const Tensor* t = v->tensor();
      if (!t || t->rank() != axis_places_.size()) continue;
      Tensor view = arranged(*t, step_.memory_axes);
      if (!view.is_dense()) view = ONWARD_TRY(view.owned(budget_));
      arranged_.emplace_back(std::move(view));
      v = &arranged_.back();
    }
    return {};
  }

  // Puts outputs that were staged where they belong.
  void finish() {
    for (auto& [o, staged, axes] : staged_) {
      Tensor target = arranged(*outputs_[o]->tensor(), axes);
      copy_elements(staged, target);
    }
  }

  Result<std::span<std::byte>> scratch(int64_t bytes) override {
    scratch_.push_back(ONWARD_TRY(allocate_buffer(bytes, budget_)));
    return std::span(scratch_.back().get(), static_cast<size_t>(bytes));
  }

  Result<std::vector<Value>> run_subgraph(const ir::Graph& g, std::span<const Value> inputs) override {
    return frame_.run_child(step_, g, inputs, settings_);
  }

 private:
  // `t` with its axes in the order `axes`: the same memory.
  static Tensor arranged(const Tensor& t, std::span<const uint8_t> axes) {
    Shape shape = t.shape(), strides = t.strides();
    for (size_t place = 0; place < axes.size(); ++place) {
      shape[place] = t.dim(axes[place]);
      strides[place] = t.strides()[axes[place]];
    }
    return t.strided(shape, strides);
  }

  Result<Tensor> plain_out(size_t o, DType dtype, const Shape& shape) {
    const int slot = o < step_.outputs.size() ? step_.outputs[o] : -1;
    if (slot < 0) return Tensor::allocate(dtype, shape, budget_);  // computed although nobody wants it
    Tensor t = ONWARD_TRY(frame_.allocate(slot, dtype, shape, binding_, settings_));
    set(o, t);
    return t;
  }

  // axes[place]: the output's axis there. Staged where the output's memory is in another order.
  Result<Tensor> arranged_out(size_t o, DType dtype, const Shape& shape, std::span<const uint8_t> axes) {
    if (!wants(o)) return Tensor::allocate(dtype, shape, budget_);
    Shape logical = shape;
    for (size_t place = 0; place < axes.size(); ++place) logical[axes[place]] = shape[place];
    const Tensor view = arranged(ONWARD_TRY(plain_out(o, dtype, logical)), axes);
    if (view.is_dense()) return view;
    Tensor staged = ONWARD_TRY(Tensor::allocate(dtype, shape, budget_));
    staged_.push_back({o, staged, {axes.begin(), axes.end()}});
    return staged;
  }

  struct Staged {
    size_t output;
    Tensor tensor;
    std::vector<uint8_t> axes;
  };

  Frame& frame_;
  const Step& step_;
  const Binding* binding_;
  const RunSettings& settings_;
  std::vector<Buffer> scratch_;
  std::vector<Value> arranged_;
  std::vector<Staged> staged_;
};

Result<Tensor> Frame::allocate(int slot, DType dtype, const Shape& shape, const Binding* binding,
                               const RunSettings& settings) {
  const auto s = static_cast<size_t>(slot);
  const auto count = checked_product(shape.dims());
  const auto bytes = count ? storage_bytes(dtype, *count) : std::nullopt;
  for (const auto& [place, target] : placed_)
    if (place == slot && target.dtype() == dtype && count && target.count() == *count)
      return Tensor::borrow(dtype, shape, target.raw(), target.owner());
  Tensor t;
  if (binding && bytes && dtype != DType::kString && binding->offsets[s] >= 0 && *bytes <= binding->bytes[s])
    t = Tensor::borrow(dtype, shape, arena_.get() + binding->offsets[s], nullptr);
  else
    t = ONWARD_TRY(Tensor::allocate(dtype, shape, settings.budget));
  const Order& order = plan_->slots[s].order;
  return order.is_row_major() || is_sub_byte(dtype) ? t : t.strided(shape, ordered_strides(shape, order));
}

// An output is computed in the caller's memory where the slot that owns its memory is row-major.
void Frame::place_targets(std::span<const Tensor> targets) {
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i].has_value() || targets[i].dtype() == DType::kString) continue;
    int slot = plan_->outputs[i];
    const auto at = [&]() -> const Slot& { return plan_->slots[static_cast<size_t>(slot)]; };
    bool fits = at().order.is_row_major();
    while (at().alias_of >= 0) {
      slot = at().alias_of;
      fits &= at().order.is_row_major();
    }
    const bool taken = std::any_of(placed_.begin(), placed_.end(), [&](auto& p) { return p.first == slot; });
    if (fits && !taken && !at().pinned && at().escapes) placed_.emplace_back(slot, targets[i]);
  }
}

Status Frame::ensure_arena(int64_t bytes, const std::shared_ptr<Budget>& memory) {
  if (bytes <= arena_bytes_ || bytes == 0) return {};
  arena_.reset();
  arena_bytes_ = 0;
  arena_ = ONWARD_TRY(allocate_buffer(bytes, memory));
  arena_bytes_ = bytes;
  return {};
}

Status Frame::reorder(const Step& step, const Binding* binding, const RunSettings& settings) {
  const Value& from = values_[static_cast<size_t>(step.inputs[0])];
  Value& to = values_[static_cast<size_t>(step.outputs[0])];
  const Tensor* t = from.tensor();
  const Order& order = plan_->slots[static_cast<size_t>(step.outputs[0])].order;
  // Already as wanted. Planned memory is not shared: the plan may give it to somebody else after its last
  // reader.
  const bool fits = !t || is_sub_byte(t->dtype()) || t->strides() == ordered_strides(t->shape(), order) ||
                    (order.is_row_major() && t->is_dense());
  if (fits && (!t || t->is_owned() || plan_->slots[static_cast<size_t>(step.inputs[0])].pinned)) {
    to = from;
    return {};
  }
  Tensor made = ONWARD_TRY(allocate(step.outputs[0], t->dtype(), t->shape(), binding, settings));
  const int bits = bit_width(t->dtype());
  if (bits >= 8 && t->rank() > 0 && t->rank() <= kernels::kMaxAxes)
    kernels::copy_strided(t->raw(), t->strides().data(), made.mutable_raw(), made.strides().data(),
                          t->shape().data(), static_cast<int>(t->rank()), bits / 8, settings.threads);
  else
    copy_elements(*t, made);
  to = Value(std::move(made));
  return {};
}

Status Frame::run_step(const Step& step, const Binding* binding, const RunSettings& settings) {
  if (step.kind == Step::Kind::kReorder) return reorder(step, binding, settings);
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const int s = step.inputs[i];
    if (s < 0) continue;
    const Value& v = values_[static_cast<size_t>(s)];
    const ir::Type& type = step.node->input(i)->type();
    if (!v.has_value() && (type.is_tensor() || step.needs(i)))
      return invalid_argument(step.node->label(), ": input ", i, " holds no value");
    if (!v.has_value()) continue;
    // Kernels trust the kind and the element type; what left a sequence or a subgraph is checked here.
    const Tensor* t = v.tensor();
    if (!t && (type.is_tensor() || step.needs(i)))
      return invalid_argument(step.node->label(), ": input ", i, " is no tensor, expected ", type);
    if (t && type.is_tensor() && type.dtype != DType::kUndefined && type.dtype != t->dtype())
      return invalid_argument(step.node->label(), ": input ", i, " is ", t->dtype(), t->shape(),
                              ", expected ", type);
  }
  Context context(*this, step, binding, settings);
  ONWARD_TRY(context.arrange_inputs());
  ONWARD_TRY(step.op->run(step.attrs.get(), context));
  context.finish();
  for (int s : step.outputs)
    if (s >= 0) ONWARD_TRY(unshare(s, binding, settings));
  return {};
}

// An operator may hand an input on as its output (a cast to the same type). Where the plan does not count
// that as a view, the memory may go to somebody else while the output is still read.
Status Frame::unshare(int slot, const Binding* binding, const RunSettings& settings) {
  const auto s = static_cast<size_t>(slot);
  Tensor* t = values_[s].tensor();
  if (!t || t->is_owned() || t->count() == 0 || plan_->slots[s].alias_of >= 0) return {};
  if (binding && binding->offsets[s] >= 0 && t->raw() == arena_.get() + binding->offsets[s]) return {};
  Tensor made = ONWARD_TRY(allocate(slot, t->dtype(), t->shape(), binding, settings));
  copy_elements(*t, made);
  *t = std::move(made);
  return {};
}

Result<std::vector<Value>> Frame::run_child(const Step& step, const ir::Graph& g,
                                            std::span<const Value> inputs, const RunSettings& settings) {
  auto sub = step.subgraphs.find(&g);
  if (sub == step.subgraphs.end()) return internal_error(step.node->label(), ": subgraph without a plan");
  const auto& [plan, captures] = sub->second;
  auto child = std::find_if(children_.begin(), children_.end(), [&](auto& c) { return c.first == &g; });
  if (child == children_.end())
    child = children_.insert(children_.end(), {&g, std::make_unique<Frame>(plan)});
  std::vector<std::pair<int, const Value*>> captured;
  for (const Capture& c : captures) captured.emplace_back(c.to, &values_[static_cast<size_t>(c.from)]);
  RunSettings inside = settings;
  inside.targets = {};
  return child->second->run(inputs, captured, nullptr, inside);
}

Result<std::vector<Value>> Frame::run(std::span<const Value> inputs,
                                      std::span<const std::pair<int, const Value*>> captures,
                                      const Binding* binding, const RunSettings& settings) {
  struct Clear {
    Frame& frame;
    ~Clear() {
      std::fill(frame.values_.begin(), frame.values_.end(), Value());
      frame.placed_.clear();
    }
  } clear{*this};
  if (inputs.size() != plan_->inputs.size())
    return invalid_argument("graph '", printable(plan_->graph->name), "' gets ", inputs.size(),
                            " inputs, expected ", plan_->inputs.size());
  // The arena outlives the run and its budget; the run is charged for it while it lasts.
  struct Charge {
    Budget* budget;
    int64_t bytes;
    ~Charge() {
      if (budget) budget->release(bytes);
    }
  } charge{nullptr, 0};
  if (binding) {
    if (settings.budget) {
      ONWARD_TRY(settings.budget->acquire(binding->arena_bytes));
      charge.budget = settings.budget.get();
      charge.bytes = binding->arena_bytes;
    }
    ONWARD_TRY(ensure_arena(binding->arena_bytes, settings.arena_memory));
  }
  place_targets(settings.targets);
  for (size_t i = 0; i < plan_->inputs.size(); ++i)
    values_[static_cast<size_t>(plan_->inputs[i])] = inputs[i];
  for (const auto& [slot, tensor] : plan_->constants) values_[static_cast<size_t>(slot)] = Value(tensor);
  for (const auto& [slot, value] : captures) values_[static_cast<size_t>(slot)] = *value;
  for (const Step& step : plan_->steps) {
    if (settings.budget) ONWARD_TRY(settings.budget->check());
    const auto start = settings.profiler ? Profiler::now() : Profiler::Time();
    ONWARD_TRY(run_step(step, binding, settings));
    if (settings.profiler) settings.profiler->record(step.node, start, Profiler::now());
    for (int s : step.last_uses) values_[static_cast<size_t>(s)] = Value();
  }
  std::vector<Value> outputs;
  for (int s : plan_->outputs)
    outputs.push_back(ONWARD_TRY(values_[static_cast<size_t>(s)].owned(settings.budget)));
  return outputs;
}

}  // namespace ow
