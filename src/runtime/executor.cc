#include "runtime/executor.h"

#include <algorithm>

#include "base/checked.h"
#include "base/stop.h"
#include "kernels/transpose.h"
#include "ops/op/widen.h"

namespace ow {
namespace {

size_t at(int slot) { return static_cast<size_t>(slot); }

// to = from, without the way through the variant where both are tensors, as they nearly always are.
template <class V>
void assign(Value& to, V&& from) {
  if (Tensor* t = to.tensor(); t && from.tensor())
    *t = *std::forward<V>(from).tensor();
  else
    to = std::forward<V>(from);
}

}  // namespace

// What a kernel call sees of the frame. One stays with each operator's step: slots never move.
class Frame::Context final : public RunContext {
 public:
  Context(Frame& frame, const Step& step) : frame_(frame), step_(step) {
    static const Value kNothing;
    node_ = step.node;
    prepared_ = step.prepared.has_value() ? &step.prepared : nullptr;
    for (int s : step.inputs) inputs_.push_back(s >= 0 ? &frame.values_[at(s)] : &kNothing);
    for (int s : step.outputs) outputs_.push_back(s >= 0 ? &frame.values_[at(s)] : nullptr);
    axis_places_ = step.axis_places;
    strict_ = frame.plan_->strict;
    if (axis_places_.empty()) return;
    sources_ = inputs_;
    arranged_.resize(inputs_.size());
  }

  Status begin(const RunSettings& settings) {
    threads_ = settings.threads;
    budget_ = &settings.budget;
    return axis_places_.empty() ? Status() : arrange_inputs();
  }

  // Puts outputs that were staged where they belong, unless the step failed, and lets go of everything.
  void end(bool done) {
    for (auto& [o, staged, axes] : staged_) {
      if (!done) break;
      Tensor target = arranged(*outputs_[o]->tensor(), axes);
      copy_elements(staged, target);
    }
    staged_.clear();
    std::fill(arranged_.begin(), arranged_.end(), Value());
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

  Result<std::span<std::byte>> scratch(int64_t bytes) override { return frame_.scratch(bytes); }

  Result<std::vector<Value>> run_subgraph(const ir::Graph& g, std::span<const Value> inputs) override {
    std::vector<Value> outputs(g.outputs().size());
    ONWARD_TRY(frame_.run_child(step_, g, Results::kOwned, inputs, outputs));
    return outputs;
  }

  Status iterate(const ir::Graph& g, int64_t iteration, std::span<const Value> inputs,
                 std::span<Value> outputs) override {
    return frame_.run_child(step_, g, iteration % 2 ? Results::kOdd : Results::kEven, inputs, outputs);
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

  Status arrange_inputs() {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i] = sources_[i];
      const Tensor* t = sources_[i]->tensor();
      if (!t || t->rank() != axis_places_.size()) continue;
      Tensor view = arranged(*t, step_.memory_axes);
      if (!view.is_dense()) view = ONWARD_TRY(view.owned(budget()));
      arranged_[i] = Value(std::move(view));
      inputs_[i] = &arranged_[i];
    }
    return {};
  }

  Result<Tensor> plain_out(size_t o, DType dtype, const Shape& shape) {
    const int slot = o < step_.outputs.size() ? step_.outputs[o] : -1;
    if (slot < 0) return Tensor::allocate(dtype, shape, budget());  // computed although nobody wants it
    if (frame_.is_kept_[at(slot)]) {
      const Tensor* t = outputs_[o]->tensor();
      if (t && t->dtype() == dtype && t->shape() == shape && t->raw() == frame_.place(slot) && t->is_dense())
        return *t;
    }
    Tensor t = ONWARD_TRY(frame_.allocate(slot, dtype, shape));
    if (dtype == DType::kString) ONWARD_TRY(charge_text(t));
    if (Tensor* before = outputs_[o]->tensor())
      *before = t;
    else
      set(o, t);
    return t;
  }

  // axes[place]: the output's axis there. Staged where the output's memory is in another order.
  Result<Tensor> arranged_out(size_t o, DType dtype, const Shape& shape, std::span<const uint8_t> axes) {
    if (!wants(o)) return Tensor::allocate(dtype, shape, budget());
    Shape logical = shape;
    for (size_t place = 0; place < axes.size(); ++place) logical[axes[place]] = shape[place];
    const Tensor view = arranged(ONWARD_TRY(plain_out(o, dtype, logical)), axes);
    if (view.is_dense()) return view;
    Tensor staged = ONWARD_TRY(Tensor::allocate(dtype, shape, budget()));
    staged_.push_back({o, staged, {axes.begin(), axes.end()}});
    return staged;
  }

  struct Staged {
    size_t output;
    Tensor tensor;
    std::vector<uint8_t> axes;
  };

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
    if (longest <= kInline || !budget()) return {};
    if (__builtin_mul_overflow(longest, made.count(), &total))
      return limit_exceeded(made.count(), " strings of up to ", longest,
                            " bytes are more than memory can hold");
    ONWARD_TRY(budget()->acquire(total));
    std::shared_ptr<const void> owner(
        made.raw(), [budget = budget(), total, keep = made.owner()](const void*) { budget->release(total); });
    made = Tensor::borrow(DType::kString, made.shape(), made.raw(), std::move(owner));
    return {};
  }

  Frame& frame_;
  const Step& step_;
  // What an operator along axes sees in memory order, and where it really is.
  std::vector<const Value*> sources_;
  std::vector<Value> arranged_;
  std::vector<Staged> staged_;
};

Frame::Frame(std::shared_ptr<const Plan> plan)
    : plan_(std::move(plan)), values_(plan_->slots.size()), children_(at(plan_->subgraph_count)) {
  for (const auto& [slot, tensor] : plan_->constants) values_[at(slot)] = Value(tensor);
  contexts_.reserve(plan_->steps.size());
  for (const Step& step : plan_->steps)
    if (step.kind == Step::Kind::kOperator) contexts_.emplace_back(*this, step);
  for (const Slot& s : plan_->slots)
    is_kept_.push_back(s.value && s.value->type().is_tensor() && s.alias_of < 0 && !s.pinned && !s.escapes &&
                       s.order.is_row_major());
}

Frame::~Frame() = default;

std::byte* Frame::place(int slot) const {
  if (!call_.binding || call_.binding->offsets[at(slot)] < 0) return nullptr;
  const Binding& b = *call_.binding;
  std::byte* even = arena_.get() + b.offsets[at(slot)];
  if (!plan_->slots[at(slot)].escapes) return even;
  if (call_.results == Results::kOwned || b.odd_shift.empty()) return nullptr;
  return call_.results == Results::kOdd ? even + b.odd_shift[at(slot)] : even;
}

const JoinPart* Frame::part(int slot) const {
  if (!call_.binding || call_.binding->parts.empty()) return nullptr;
  const JoinPart& p = call_.binding->parts[at(slot)];
  return p.root >= 0 ? &p : nullptr;
}

Result<Tensor> Frame::allocate(int slot, DType dtype, const Shape& shape) {
  for (const auto& [placed, target] : placed_)
    if (placed == slot && target.dtype() == dtype && target.count() == checked_product(shape.dims()))
      return Tensor::borrow(dtype, shape, target.raw(), target.owner());
  std::byte* planned = dtype == DType::kString ? nullptr : place(slot);
  if (planned) {
    const auto count = checked_product(shape.dims());
    const auto bytes = count ? storage_bytes(dtype, *count) : std::nullopt;
    if (!bytes || *bytes > call_.binding->bytes[at(slot)]) planned = nullptr;
  }
  const JoinPart* joined = planned ? part(slot) : nullptr;
  if (joined && !(joined->shape == shape)) planned = nullptr;
  Tensor t = planned ? Tensor::borrow(dtype, shape, planned, nullptr)
                     : ONWARD_TRY(Tensor::allocate(dtype, shape, call_.settings->budget));
  const Order& order = plan_->slots[at(slot)].order;
  if (order.is_row_major() || is_sub_byte(dtype)) return t;
  if (!planned || !joined || joined->ld == 0) return t.strided(shape, ordered_strides(shape, order));
  Shape wide = shape;
  wide[1] = joined->ld;
  return t.strided(shape, ordered_strides(wide, order));
}

Result<std::span<std::byte>> Frame::scratch(int64_t bytes) {
  const int64_t from = (scratch_used_ + 63) / 64 * 64;
  if (bytes >= 0 && bytes <= kKeptScratchBytes) {
    scratch_wanted_ = (scratch_wanted_ + 63) / 64 * 64 + bytes;
    if (from + bytes <= scratch_bytes_) {
      scratch_used_ = from + bytes;
      return std::span(scratch_block_.get() + from, static_cast<size_t>(bytes));
    }
  }
  if (bytes > kKeptScratchBytes && bytes <= kMostKeptBytes && large_charged_ == 0)
    return large_scratch(bytes);
  scratch_extra_.push_back(ONWARD_TRY(allocate_buffer(bytes, call_.settings->budget)));
  return std::span(scratch_extra_.back().get(), static_cast<size_t>(bytes));
}

// As the arena: kept for the next step and the next run, which are charged for what they use of it.
Result<std::span<std::byte>> Frame::large_scratch(int64_t bytes) {
  if (const auto& budget = call_.settings->budget) ONWARD_TRY(budget->acquire(bytes));
  large_charged_ = bytes;
  if (bytes > large_bytes_) {
    large_block_.reset();
    large_bytes_ = 0;
    large_block_ = ONWARD_TRY(allocate_buffer(bytes, call_.settings->arena_memory));
    large_bytes_ = bytes;
  }
  return std::span(large_block_.get(), static_cast<size_t>(bytes));
}

void Frame::end_scratch() {
  scratch_extra_.clear();
  if (call_.settings->budget) call_.settings->budget->release(large_charged_);
  large_charged_ = 0;
  if (scratch_wanted_ > scratch_bytes_ && scratch_wanted_ <= kKeptScratchBytes)
    if (auto block = allocate_buffer(2 * scratch_wanted_); block.ok()) {
      scratch_block_ = *std::move(block);
      scratch_bytes_ = 2 * scratch_wanted_;
    }
  scratch_used_ = scratch_wanted_ = 0;
}

// An output is computed in the caller's memory where the slot that owns its memory is row-major.
void Frame::place_targets(std::span<const Tensor> targets) {
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!targets[i].has_value() || targets[i].dtype() == DType::kString) continue;
    int slot = plan_->outputs[i];
    bool fits = plan_->slots[at(slot)].order.is_row_major();
    while (plan_->slots[at(slot)].alias_of >= 0) {
      slot = plan_->slots[at(slot)].alias_of;
      fits &= plan_->slots[at(slot)].order.is_row_major();
    }
    const Slot& s = plan_->slots[at(slot)];
    const bool taken = std::any_of(placed_.begin(), placed_.end(), [&](auto& p) { return p.first == slot; });
    if (fits && !taken && !s.pinned && s.escapes) placed_.emplace_back(slot, targets[i]);
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

Status Frame::reorder(const Step& step) {
  const Value& from = values_[at(step.inputs[0])];
  Value& to = values_[at(step.outputs[0])];
  const Tensor* t = from.tensor();
  const Order& order = plan_->slots[at(step.outputs[0])].order;
  // Already as wanted. Planned memory is not shared: the plan may give it to somebody else after its last
  // reader.
  const bool fits = !t || is_sub_byte(t->dtype()) || t->strides() == ordered_strides(t->shape(), order) ||
                    (order.is_row_major() && t->is_dense());
  if (fits && (!t || t->is_owned() || plan_->slots[at(step.inputs[0])].pinned)) {
    to = from;
    return {};
  }
  Tensor made = ONWARD_TRY(allocate(step.outputs[0], t->dtype(), t->shape()));
  const int bits = bit_width(t->dtype());
  if (bits >= 8 && t->rank() > 0 && t->rank() <= kernels::kMaxAxes)
    kernels::copy_strided(t->raw(), t->strides().data(), made.mutable_raw(), made.strides().data(),
                          t->shape().data(), static_cast<int>(t->rank()), bits / 8, call_.settings->threads);
  else
    copy_elements(*t, made);
  to = Value(std::move(made));
  return {};
}

// What is in the slot as a tensor of its own, in the slot's order without gaps.
Result<Tensor> Frame::packed(int slot) const {
  const Tensor& t = *values_[at(slot)].tensor();
  Tensor made = ONWARD_TRY(Tensor::allocate(t.dtype(), t.shape(), call_.settings->budget));
  Order order = plan_->slots[at(slot)].order;
  order.has_gaps = false;
  made = made.strided(t.shape(), ordered_strides(t.shape(), order));
  copy_elements(t, made);
  return made;
}

Result<bool> Frame::join(const Step& step) {
  const int out = step.outputs[0];
  const auto in_place = [&](int s) {
    const Tensor* t = s >= 0 && part(s) ? values_[at(s)].tensor() : nullptr;
    return t && t->raw() == place(s);
  };
  const auto has_gaps = [&](int s) { return s >= 0 && plan_->slots[at(s)].order.has_gaps; };
  const auto omitted = [](int s) { return s < 0; };
  const auto any_of = [&](auto what) { return std::any_of(step.inputs.begin(), step.inputs.end(), what); };
  if (out < 0 || !(any_of(in_place) || any_of(has_gaps)) || any_of(omitted)) {
    for (int s : step.inputs)
      if (has_gaps(s)) values_[at(s)] = Value(ONWARD_TRY(packed(s)));
    return false;
  }
  const auto axis = static_cast<size_t>(step.join_axis);
  Shape shape = values_[at(step.inputs[0])].tensor()->shape();
  shape[axis] = 0;
  bool fits = true;
  for (int s : step.inputs) {
    const Tensor* t = values_[at(s)].tensor();
    Shape others = t->shape();
    if (others.rank() == shape.rank()) others[axis] = shape[axis];
    fits = fits && others == shape && t->dtype() == values_[at(step.inputs[0])].tensor()->dtype();
    if (fits) shape[axis] += t->dim(axis);
  }
  const DType dtype = values_[at(step.inputs[0])].tensor()->dtype();
  Tensor made = fits ? ONWARD_TRY(allocate(out, dtype, shape)) : Tensor();
  if (!fits || (made.raw() != place(out) && any_of(in_place))) {
    // These shapes are not those that the places were made for: the operator is not to write over its inputs.
    for (int s : step.inputs)
      if (in_place(s) || has_gaps(s)) values_[at(s)] = Value(ONWARD_TRY(packed(s)));
    return false;
  }
  const int64_t size = bit_width(dtype) / 8;
  int64_t begin = 0;
  for (int s : step.inputs) {
    const Tensor& t = *values_[at(s)].tensor();
    std::byte* to = made.mutable_raw() + begin * made.strides()[axis] * size;
    begin += t.dim(axis);
    if (t.raw() != to)
      kernels::copy_strided(t.raw(), t.strides().data(), to, made.strides().data(), t.shape().data(),
                            static_cast<int>(t.rank()), static_cast<int>(size), call_.settings->threads);
  }
  values_[at(out)] = Value(std::move(made));
  return true;
}

// Kernels trust the kind and the element type; what left a sequence or a subgraph is checked here.
Status Frame::check_input(const Step& step, size_t i) const {
  const Value& v = values_[at(step.inputs[i])];
  const ir::Type& type = step.node->input(i)->type();
  const bool tensor = type.is_tensor() || step.needs(i);
  if (!v.has_value() && tensor) return invalid_argument(step.node->label(), ": input ", i, " holds no value");
  if (!v.has_value()) return {};
  const Tensor* t = v.tensor();
  if (!t && tensor)
    return invalid_argument(step.node->label(), ": input ", i, " is no tensor, expected ", type);
  if (t && type.is_tensor() && type.dtype != DType::kUndefined && type.dtype != t->dtype())
    return invalid_argument(step.node->label(), ": input ", i, " is ", t->dtype(), t->shape(), ", expected ",
                            type);
  return {};
}

// Types that were not known when the plan was made.
Status Frame::check_types(const Step& step) const {
  std::vector<DType> types;
  for (int slot : step.inputs) {
    const Tensor* t = slot >= 0 ? values_[at(slot)].tensor() : nullptr;
    types.push_back(t ? t->dtype() : DType::kUndefined);
  }
  ONWARD_TRY(check_input_types(*step.node, types));
  const Widening plan = plan_widening(*step.op, types, 0);
  for (size_t i = 0; i < types.size(); ++i)
    if (plan.inputs[i] != DType::kUndefined)
      return unsupported(step.node->label(), ": input ", i, " is of type ", types[i],
                         ", which this operator takes only where the model states the type");
  return {};
}

Status Frame::run_step(const Step& step, Context& context) {
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (step.inputs[i] < 0) continue;
    const Tensor* t = values_[at(step.inputs[i])].tensor();
    const DType wanted = step.input_types[i];
    if (!t || (wanted != DType::kUndefined && wanted != t->dtype())) ONWARD_TRY(check_input(step, i));
  }
  if (step.unknown_types) ONWARD_TRY(check_types(step));
  if (step.join_axis >= 0 && ONWARD_TRY(join(step))) return {};
  Status status = context.begin(*call_.settings);
  if (status.ok()) status = step.op->run(step.attrs.get(), context);
  context.end(status.ok());
  if (scratch_wanted_ != 0 || large_charged_ != 0 || !scratch_extra_.empty()) end_scratch();
  ONWARD_TRY(std::move(status));
  for (int s : step.outputs)
    if (s >= 0) ONWARD_TRY(unshare(s));
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
Status Frame::unshare(int slot) {
  Tensor* t = values_[at(slot)].tensor();
  if (!t || t->is_owned() || t->raw() == place(slot)) return {};
  if (t->count() == 0 || plan_->slots[at(slot)].alias_of >= 0) return {};
  Tensor made = ONWARD_TRY(allocate(slot, t->dtype(), t->shape()));
  copy_elements(*t, made);
  *t = std::move(made);
  return {};
}

Status Frame::run_child(const Step& step, const ir::Graph& g, Results results, std::span<const Value> inputs,
                        std::span<Value> outputs) {
  const auto sub = std::find_if(step.subgraphs.begin(), step.subgraphs.end(),
                                [&](const Subplan& s) { return s.graph == &g; });
  if (sub == step.subgraphs.end()) return internal_error(step.node->label(), ": subgraph without a plan");
  Child& child = children_[at(sub->index)];
  if (!child.frame) {
    child.frame = std::make_unique<Frame>(sub->plan);
    for (const Capture& c : sub->captures) child.captures.push_back(&values_[at(c.from)]);
  }
  const Binding* binding = call_.binding ? call_.binding->subgraphs[at(sub->index)].get() : nullptr;
  Frame& f = *child.frame;
  ONWARD_TRY(f.run_steps(inputs, child.captures, {binding, call_.settings, results}));
  return f.take_results(outputs);
}

// Whether `t` lies where the plan put what the caller may keep of this slot.
bool Frame::is_in_place(int slot, const Tensor& t) const {
  while (plan_->slots[at(slot)].alias_of >= 0) slot = plan_->slots[at(slot)].alias_of;
  const std::byte* begin = plan_->slots[at(slot)].escapes ? place(slot) : nullptr;
  return begin && t.raw() >= begin && t.raw() < begin + std::max<int64_t>(call_.binding->bytes[at(slot)], 1);
}

Status Frame::result(int slot, Value& to) {
  Value& v = values_[at(slot)];
  const Tensor* t = v.tensor();
  if (!t || t->is_owned()) {
    to = ONWARD_TRY(v.owned(call_.settings->budget));
  } else if (t->is_dense() && is_in_place(slot, *t)) {
    assign(to, v);
  } else {
    Tensor copy = ONWARD_TRY(allocate(slot, t->dtype(), t->shape()));
    copy_elements(*t, copy);
    to = Value(std::move(copy));
  }
  return {};
}

// Hands the outputs out and lets go of what the last step left.
Status Frame::take_results(std::span<Value> outputs) {
  Status status;
  for (size_t o = 0; o < outputs.size() && status.ok(); ++o) status = result(plan_->outputs[o], outputs[o]);
  // Handles are let go of; what is only borrowed is written over by the next run.
  for (int s : plan_->unread)
    if (const Tensor* t = values_[at(s)].tensor(); !t || t->is_owned() || !plan_->slots[at(s)].pinned)
      values_[at(s)] = Value();
  return status;
}

// What nobody reads any more; a planned tensor may stay.
void Frame::drop(int slot) {
  Value& v = values_[at(slot)];
  if (is_kept_[at(slot)])
    if (const Tensor* t = v.tensor(); t && !t->is_owned()) return;
  v = Value();
}

void Frame::forget() {
  std::fill(values_.begin(), values_.end(), Value());
  for (const auto& [slot, tensor] : plan_->constants) values_[at(slot)] = Value(tensor);
}

Status Frame::run_steps(std::span<const Value> inputs, std::span<const Value* const> captures,
                        const Call& call) {
  if (inputs.size() != plan_->inputs.size())
    return invalid_argument("graph '", printable(plan_->graph->name), "' gets ", inputs.size(),
                            " inputs, expected ", plan_->inputs.size());
  struct Clear {
    Frame* frame;
    ~Clear() {
      if (frame) frame->forget();
    }
  } clear{this};
  call_ = call;
  if (const uint64_t id = call.binding ? call.binding->id : 0; id != bound_) {
    forget();
    bound_ = id;
  }
  if (call.binding) ONWARD_TRY(ensure_arena(call.binding->arena_bytes, call.settings->arena_memory));
  for (size_t i = 0; i < inputs.size(); ++i) assign(values_[at(plan_->inputs[i])], inputs[i]);
  for (size_t i = 0; i < captures.size(); ++i) assign(values_[at(plan_->captures[i].second)], *captures[i]);
  const Budget* budget = call.settings->budget.get();
  Profiler* profiler = call.settings->profiler;
  auto context = contexts_.begin();
  for (const Step& step : plan_->steps) {
    if (budget) ONWARD_TRY(budget->check());
    const auto start = profiler ? Profiler::now() : Profiler::Time();
    ONWARD_TRY(located(step, step.kind == Step::Kind::kReorder ? reorder(step) : run_step(step, *context++)));
    if (profiler) profiler->record(step.node, start, Profiler::now());
    for (int s : step.last_uses) drop(s);
  }
  clear.frame = nullptr;
  return {};
}

Result<std::vector<Value>> Frame::run(std::span<const Value> inputs, const Binding* binding,
                                      const RunSettings& settings) {
  struct Clear {
    Frame& frame;
    ~Clear() { frame.placed_.clear(); }
  } clear{*this};
  place_targets(settings.targets);
  ONWARD_TRY(run_steps(inputs, {}, {binding, &settings, Results::kOwned}));
  std::vector<Value> outputs(plan_->outputs.size());
  ONWARD_TRY(take_results(outputs));
  return outputs;
}

}  // namespace ow
