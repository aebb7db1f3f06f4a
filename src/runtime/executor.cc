#include "runtime/executor.h"

#include <algorithm>

#include "base/checked.h"
#include "base/stop.h"
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
    for (int s : step.outputs) outputs_.push_back(s >= 0 ? &frame.values_[static_cast<size_t>(s)] : nullptr);
  }

  Result<Tensor> out(size_t o, DType dtype, const Shape& shape) override {
    const int slot = o < step_.outputs.size() ? step_.outputs[o] : -1;
    if (slot < 0) return Tensor::allocate(dtype, shape, budget_);  // computed although nobody wants it
    Tensor t = ONWARD_TRY(frame_.allocate(slot, dtype, shape, binding_, settings_));
    if (dtype == DType::kString) ONWARD_TRY(charge_text(t));
    set(o, t);
    return t;
  }

  Result<std::span<std::byte>> scratch(int64_t bytes) override {
    scratch_.push_back(ONWARD_TRY(allocate_buffer(bytes, budget_)));
    return std::span(scratch_.back().get(), static_cast<size_t>(bytes));
  }

  Result<std::vector<Value>> run_subgraph(const ir::Graph& g, std::span<const Value> inputs) override {
    return frame_.run_child(step_, g, inputs, settings_);
  }

 private:
  // The characters of strings are not in their tensor's bytes, and one long string may be copied many times.
  // So a tensor of strings is charged for the most that its elements can hold: in each, the longest string of
  // every input.
  Status charge_text(Tensor& made) const {
    int64_t longest = 0, total = 0;
    for (const Value* v : inputs_) {
      const Tensor* t = v->tensor();
      if (!t || t->dtype() != DType::kString || !t->is_dense()) continue;
      size_t most = 0;
      for (const std::string& s : t->span<std::string>()) most = std::max(most, s.size());
      longest += static_cast<int64_t>(most);
    }
    constexpr int64_t kInline = 15;  // characters that a std::string holds without memory of its own
    if (longest <= kInline || !budget_) return {};
    if (__builtin_mul_overflow(longest, made.count(), &total))
      return limit_exceeded(made.count(), " strings of up to ", longest,
                            " bytes are more than memory can hold");
    ONWARD_TRY(budget_->acquire(total));
    std::shared_ptr<const void> owner(
        made.raw(), [budget = budget_, total, keep = made.owner()](const void*) { budget->release(total); });
    made = Tensor::borrow(DType::kString, made.shape(), made.raw(), std::move(owner));
    return {};
  }

  Frame& frame_;
  const Step& step_;
  const Binding* binding_;
  const RunSettings& settings_;
  std::vector<Buffer> scratch_;
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
  ONWARD_TRY(step.op->run(step.attrs.get(), context));
  for (int s : step.outputs)
    if (s >= 0) ONWARD_TRY(unshare(s, binding, settings));
  // A kernel that was told to stop leaves its output unfinished.
  const StopScope* scope = StopScope::current();
  return scope ? scope->check() : Status();
}

// The node's label before a message that does not begin with it: memory and time run out anywhere.
Status Frame::located(const Step& step, Status status) {
  if (status.ok() || !step.node) return status;
  const std::string label = step.node->label();
  if (status.message().substr(0, label.size()) == label) return status;
  return std::move(status).context(label);
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
      if (Status s = settings.budget->acquire(binding->arena_bytes); !s.ok())
        return std::move(s).context("the memory plan for these input shapes");
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
    ONWARD_TRY(located(step, run_step(step, binding, settings)));
    if (settings.profiler) settings.profiler->record(step.node, start, Profiler::now());
    for (int s : step.last_uses) values_[static_cast<size_t>(s)] = Value();
  }
  std::vector<Value> outputs;
  for (int s : plan_->outputs)
    outputs.push_back(ONWARD_TRY(values_[static_cast<size_t>(s)].owned(settings.budget)));
  return outputs;
}

}  // namespace ow
