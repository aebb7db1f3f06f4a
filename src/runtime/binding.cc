#include "runtime/binding.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <unordered_map>

#include "ops/op/feedback.h"

namespace ow {
namespace {

class Binder {
 public:
  Binder(const Plan& plan, FeedbackInference& feedback, bool subgraph)
      : plan_(plan), feedback_(feedback), is_subgraph_(subgraph), subgraphs_(at(plan.subgraph_count)) {}

  Status infer(std::span<const ir::Fact> inputs) {
    facts_.resize(plan_.slots.size());
    for (size_t i = 0; i < plan_.inputs.size() && i < inputs.size(); ++i)
      facts_[at(plan_.inputs[i])] = inputs[i];
    for (const auto& [slot, tensor] : plan_.constants) facts_[at(slot)] = plan_.slots[at(slot)].value->fact;
    for (const Step& step : plan_.steps) ONWARD_TRY(infer(step));
    return {};
  }

  std::shared_ptr<const Binding> bind() {
    static constinit std::atomic<uint64_t> ids{0};
    auto binding = std::make_shared<Binding>();
    binding->id = ++ids;
    place_with_joins(*binding);
    binding->total_bytes = binding->arena_bytes;
    for (const auto& sub : subgraphs_) {
      binding->subgraphs.push_back(sub ? sub->bind() : nullptr);
      if (sub) binding->total_bytes += binding->subgraphs.back()->total_bytes;
    }
    return binding;
  }

 private:
  static size_t at(int slot) { return static_cast<size_t>(slot); }

  Status infer(const Step& step) {
    if (step.kind == Step::Kind::kReorder) {
      facts_[at(step.outputs[0])] = facts_[at(step.inputs[0])];
      return {};
    }
    std::vector<const ir::Fact*> facts;
    for (size_t i = 0; i < step.node->inputs().size(); ++i) {
      const ir::Value* v = step.node->inputs()[i];
      // A constant that was packed away keeps its fact in the graph.
      facts.push_back(!v ? nullptr : step.inputs[i] < 0 ? &v->fact : &facts_[at(step.inputs[i])]);
    }
    InferContext context(
        *step.node, std::move(facts),
        [&](ir::Graph& g, std::span<const ir::Fact> inputs, std::span<const Feedback> feedback) {
          return infer_subgraph(step, g, inputs, feedback);
        });
    if (Status s = step.op->infer(step.attrs.get(), context); !s.ok())
      return {s.code() == Code::kInvalidModel ? Code::kInvalidArgument : s.code(), std::string(s.message())};
    for (size_t o = 0; o < step.outputs.size(); ++o)
      if (step.outputs[o] >= 0) facts_[at(step.outputs[o])] = std::move(context.results()[o]);
    return {};
  }

  // A subgraph that contradicts these shapes may be one that does not run: what was known of it when it was
  // compiled still holds.
  Result<std::vector<ir::Fact>> infer_subgraph(const Step& step, ir::Graph& g,
                                               std::span<const ir::Fact> inputs,
                                               std::span<const Feedback> feedback) {
    const auto sub = std::find_if(step.subgraphs.begin(), step.subgraphs.end(),
                                  [&](const Subplan& s) { return s.graph == &g; });
    if (sub == step.subgraphs.end()) return internal_error(step.node->label(), ": subgraph without a plan");
    auto& binder = subgraphs_[at(sub->index)];
    auto once = [&](std::span<const ir::Fact> facts) -> Result<std::vector<ir::Fact>> {
      binder = std::make_unique<Binder>(*sub->plan, feedback_, true);
      return binder->infer_as_subgraph(facts, *this, *sub);
    };
    auto outputs = feedback_.infer(sub->plan.get(), {inputs.begin(), inputs.end()}, feedback, once);
    if (outputs.ok()) return outputs;
    binder = nullptr;
    std::vector<ir::Fact> known;
    for (const ir::Value* v : g.outputs()) known.push_back(v->fact);
    return known;
  }

  Result<std::vector<ir::Fact>> infer_as_subgraph(std::span<const ir::Fact> inputs, const Binder& outer,
                                                  const Subplan& self) {
    facts_.resize(plan_.slots.size());
    for (const Capture& c : self.captures) facts_[at(c.to)] = outer.facts_[at(c.from)];
    std::vector<ir::Fact> merged(inputs.begin(), inputs.end());
    for (size_t i = 0; i < merged.size() && i < plan_.inputs.size(); ++i)
      merged[i].type = ir::merge(merged[i].type, plan_.slots[at(plan_.inputs[i])].value->type());
    ONWARD_TRY(infer(merged));
    std::vector<ir::Fact> outputs;
    for (int s : plan_.outputs) outputs.push_back(facts_[at(s)]);
    return outputs;
  }

  int64_t slot_bytes(int slot) const {
    const ir::Type& t = facts_[at(slot)].type;
    if (!t.is_tensor() || !t.shape || t.dtype == DType::kString) return -1;
    auto shape = concrete(*t.shape);
    const int64_t count = shape ? shape->count() : -1;
    const int64_t bytes = count < 0 ? -1 : storage_bytes(t.dtype, count).value_or(-1);
    return bytes <= kMaxPlacedBytes ? bytes : -1;
  }

  int root(int slot) const {
    while (plan_.slots[at(slot)].alias_of >= 0) slot = plan_.slots[at(slot)].alias_of;
    return slot;
  }

  // Slot `out` of this step may take the place of one of its inputs, which dies here.
  int in_place_source(const Step& step, int step_index, int out_index, const Binding& binding) const {
    if (step.kind != Step::Kind::kOperator) return -1;
    const int out = step.outputs[at(out_index)];
    for (auto [i, o] : step.op->traits.in_place) {
      if (o != out_index || at(i) >= step.inputs.size() || step.inputs[at(i)] < 0) continue;
      const int in = step.inputs[at(i)];
      const Slot& slot = plan_.slots[at(in)];
      // Nobody else reads that memory in this step, be it under another name.
      const auto same_memory = [&](int other) { return other >= 0 && root(other) == in; };
      const bool once = std::count_if(step.inputs.begin(), step.inputs.end(), same_memory) == 1;
      if (slot.alias_of < 0 && !slot.pinned && slot.last_step == step_index && once &&
          binding.offsets[at(in)] >= 0 && slot_bytes(in) == slot_bytes(out) &&
          slot.order == plan_.slots[at(out)].order && !is_part(binding, in) && !is_part(binding, out) &&
          last_read_[at(in)] <= step_index)
        return in;
    }
    return -1;
  }

  struct Item {
    std::vector<int> slots;  // one place for all of them
    int64_t bytes = 0, offset = 0;
    int first = 0, last = 0;
  };

  Item returned_item(int slot, int64_t bytes, Binding& binding) const {
    const int64_t stride = (bytes + 127) / 64 * 64;
    binding.odd_shift.resize(plan_.slots.size(), 0);
    binding.odd_shift[at(slot)] = stride;
    // One iteration's results are read by all steps of the next.
    return {{slot}, 2 * stride, 0, 0, static_cast<int>(plan_.steps.size())};
  }

  // A subgraph may return what it was given. Small values of that kind get places, too; large ones are shared
  // rather than copied in every iteration.
  void place_passed_on(Binding& binding, std::vector<Item>& items) const {
    constexpr int64_t kMaxCopiedBytes = 4096;
    if (!is_subgraph_) return;
    for (int s : plan_.outputs) {
      const int64_t bytes = slot_bytes(s);
      if (!plan_.slots[at(root(s))].pinned || binding.offsets[at(s)] >= 0 || bytes < 0 ||
          bytes > kMaxCopiedBytes)
        continue;
      items.push_back(returned_item(s, bytes, binding));
      binding.offsets[at(s)] = 0;
      binding.bytes[at(s)] = bytes;
    }
  }

  static bool is_part(const Binding& binding, int slot) {
    return !binding.parts.empty() && binding.parts[at(slot)].root >= 0;
  }

  // Parts that are made long before they are joined hold memory for all of them: fewer of those, then, or
  // none.
  void place_with_joins(Binding& binding) {
    constexpr int kNear = 12;
    constexpr int64_t kLittle = 64 * 1024;
    place(binding);
    const int64_t limit = binding.arena_bytes + std::max(binding.arena_bytes / 10, kLittle);
    for (const int max_steps : {std::numeric_limits<int>::max(), kNear}) {
      Binding joined;
      joined.parts = join_in_place(plan_, facts_, max_steps);
      if (joined.parts.empty()) return;
      joined.id = binding.id;
      place(joined);
      if (joined.arena_bytes > limit) continue;
      binding = std::move(joined);
      return;
    }
  }

  // The item of the tensor that this slot is a part of, from step i on.
  void place_part(Binding& binding, int slot, int i, std::vector<Item>& items,
                  std::unordered_map<int, size_t>& item_of) const {
    const int root = binding.parts[at(slot)].root;
    if (const auto [it, is_new] = item_of.emplace(root, items.size()); is_new) {
      const int64_t bytes = slot_bytes(root);
      items.push_back({{root}, (bytes + 127) / 64 * 64, 0, i, last_read_[at(root)]});
      binding.offsets[at(root)] = 0;
      binding.bytes[at(root)] = bytes;
    }
    items[item_of[root]].slots.push_back(slot);
    item_of[slot] = item_of[root];
    binding.offsets[at(slot)] = 0;
    binding.bytes[at(slot)] = slot_bytes(slot);
  }

  // Slots that share a place through in-place steps become one item; items are then placed by size.
  void place(Binding& binding) {
    binding.offsets.assign(plan_.slots.size(), -1);
    binding.bytes.assign(plan_.slots.size(), 0);
    last_read_.resize(plan_.slots.size());
    for (size_t s = 0; s < plan_.slots.size(); ++s) last_read_[s] = plan_.slots[s].last_step;
    for (size_t s = 0; s < binding.parts.size(); ++s)
      if (const int root = binding.parts[s].root; root >= 0)
        last_read_[at(root)] = std::max(last_read_[at(root)], plan_.slots[s].last_step);
    std::vector<Item> items;
    std::unordered_map<int, size_t> item_of;
    for (int i = 0; i < static_cast<int>(plan_.steps.size()); ++i) {
      const Step& step = plan_.steps[at(i)];
      std::vector<int> taken;
      for (int o = 0; o < static_cast<int>(step.outputs.size()); ++o) {
        const int s = step.outputs[at(o)];
        const bool returned = s >= 0 && plan_.slots[at(s)].escapes;
        if (s < 0 || plan_.slots[at(s)].alias_of >= 0 || (returned && !is_subgraph_)) continue;
        const int64_t bytes = slot_bytes(s);
        if (bytes < 0) continue;
        if (is_part(binding, s)) {
          place_part(binding, s, i, items, item_of);
          continue;
        }
        if (item_of.count(s)) continue;  // its parts were there first
        int source = returned ? -1 : in_place_source(step, i, o, binding);
        if (source >= 0 && std::count(taken.begin(), taken.end(), source)) source = -1;
        const int last = std::max(last_read_[at(s)], i);
        if (source >= 0) {
          taken.push_back(source);
          Item& item = items[item_of[source]];
          item.slots.push_back(s);
          item.last = std::max(item.last, last);
          item_of[s] = item_of[source];
        } else {
          item_of[s] = items.size();
          items.push_back(returned ? returned_item(s, bytes, binding)
                                   : Item{{s}, (bytes + 127) / 64 * 64, 0, i, last});
        }
        binding.offsets[at(s)] = 0;  // has a place; which one is decided below
        binding.bytes[at(s)] = bytes;
      }
    }
    place_passed_on(binding, items);
    std::vector<size_t> by_size(items.size());
    for (size_t i = 0; i < items.size(); ++i) by_size[i] = i;
    std::stable_sort(by_size.begin(), by_size.end(),
                     [&](size_t a, size_t b) { return items[a].bytes > items[b].bytes; });
    std::vector<const Item*> placed;  // by offset
    for (size_t index : by_size) {
      Item& item = items[index];
      int64_t offset = 0;
      for (const Item* other : placed) {
        if (other->last < item.first || other->first > item.last) continue;
        if (other->offset >= offset + item.bytes) break;
        offset = std::max(offset, other->offset + other->bytes);
      }
      item.offset = offset;
      placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                     [](int64_t o, const Item* p) { return o < p->offset; }),
                    &item);
      binding.arena_bytes = std::max(binding.arena_bytes, offset + item.bytes);
      for (int s : item.slots)
        binding.offsets[at(s)] = offset + (is_part(binding, s) ? binding.parts[at(s)].offset : 0);
    }
  }

  const Plan& plan_;
  FeedbackInference& feedback_;
  bool is_subgraph_;
  std::vector<ir::Fact> facts_;
  std::vector<int> last_read_;  // by slot: the last step that reads it, or a part of it
  std::vector<std::unique_ptr<Binder>> subgraphs_;
};

}  // namespace

Result<std::shared_ptr<const Binding>> bind_shapes(const Plan& plan, std::span<const ir::Fact> inputs) {
  FeedbackInference feedback;
  Binder binder(plan, feedback, false);
  ONWARD_TRY(binder.infer(inputs));
  return binder.bind();
}

}  // namespace ow
