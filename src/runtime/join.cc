#include "runtime/join.h"

#include <algorithm>

#include "base/checked.h"

namespace ow {
namespace {

class Joiner {
 public:
  Joiner(const Plan& plan, const std::vector<ir::Fact>& facts, int max_steps)
      : plan_(plan),
        facts_(facts),
        max_steps_(max_steps),
        parts_(plan.slots.size()),
        may_join_(plan.slots.size(), true),
        may_have_gaps_(plan.slots.size(), true) {
    for (const Slot& s : plan.slots)
      if (s.alias_of >= 0) may_join_[at(s.alias_of)] = false;
    for (const Step& step : plan.steps) look_at(step);
  }

  std::vector<JoinPart> run() {
    // A part of several joins goes to the last one.
    for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step)
      if (step->join_axis >= 0) join(*step, static_cast<int>(plan_.steps.rend() - step) - 1);
    const bool none = std::all_of(parts_.begin(), parts_.end(), [](const JoinPart& p) { return p.root < 0; });
    return none ? std::vector<JoinPart>() : std::move(parts_);
  }

 private:
  static size_t at(int slot) { return static_cast<size_t>(slot); }

  // Who makes and reads a slot decides whether its pixels may have gaps between them.
  void look_at(const Step& step) {
    const auto takes_gaps = [&](LayoutRule rule) {
      return rule == LayoutRule::kChannelsLast || rule == LayoutRule::kElementwise;
    };
    const bool operates = step.kind == Step::Kind::kOperator;
    const bool joins = step.join_axis >= 0;
    const LayoutRule rule = operates ? step.op->traits.layout : LayoutRule::kUnread;
    for (int s : step.inputs)
      if (s >= 0 && operates && !joins && !takes_gaps(rule) && rule != LayoutRule::kUnread)
        may_have_gaps_[at(s)] = false;
    for (const Subplan& sub : step.subgraphs)
      for (const Capture& c : sub.captures) may_have_gaps_[at(c.from)] = false;
    for (size_t o = 0; o < step.outputs.size(); ++o)
      if (step.outputs[o] >= 0 && operates && !joins && (o > 0 || !takes_gaps(rule)))
        may_have_gaps_[at(step.outputs[o])] = false;
  }

  // The slot's shape, if it has memory in the plan; nullopt otherwise.
  std::optional<Shape> shape_of(int s) const {
    const Slot& slot = plan_.slots[at(s)];
    const ir::Type& t = facts_[at(s)].type;
    if (slot.pinned || slot.escapes || slot.alias_of >= 0 || slot.first_step < 0 || !t.is_tensor() ||
        !t.shape || t.dtype == DType::kUndefined || t.dtype == DType::kString || is_sub_byte(t.dtype))
      return std::nullopt;
    auto shape = concrete(*t.shape);
    const auto count = shape ? checked_product(shape->dims()) : std::nullopt;
    const int64_t bytes = count ? storage_bytes(t.dtype, *count).value_or(-1) : -1;
    return bytes >= 0 && bytes <= kMaxPlacedBytes ? shape : std::nullopt;
  }

  bool may_be_part(int s, bool with_gaps, int step) const {
    return parts_[at(s)].root < 0 && may_join_[at(s)] && (!with_gaps || may_have_gaps_[at(s)]) &&
           step - plan_.slots[at(s)].first_step <= max_steps_;
  }

  void join(const Step& step, int index) {
    const int y = step.outputs[0];
    const auto shape = y >= 0 ? shape_of(y) : std::nullopt;
    const auto axis = static_cast<size_t>(step.join_axis);
    if (!shape || axis >= shape->rank() || shape->count() == 0) return;
    const Order& order = plan_.slots[at(y)].order;
    const int64_t size = bit_width(facts_[at(y)].type.dtype) / 8;
    int64_t outer = 1, inner = size;  // elements before the axis in memory; bytes of one step along it
    bool before = true;
    for (uint8_t a : ordered_axes(shape->rank(), order)) {
      if (a == axis)
        before = false;
      else
        (before ? outer : inner) *= (*shape)[a];
    }
    const JoinPart own = parts_[at(y)];
    const bool with_gaps = outer > 1 || own.ld > 0;
    if (with_gaps && (!order.channels_last || axis != 1 || shape->rank() < 3)) return;
    const int64_t ld = own.ld > 0 ? own.ld : with_gaps ? (*shape)[1] : 0;
    JoinPart part{own.root >= 0 ? own.root : y, own.offset, ld, {}};
    if (own.root < 0 && is_view(step, *shape, inner, index)) return;
    for (int s : step.inputs) {
      const auto extents = s >= 0 ? shape_of(s) : std::nullopt;
      const ir::Type* t = s >= 0 ? &facts_[at(s)].type : nullptr;
      const auto known = t && t->is_tensor() && t->shape ? concrete(*t->shape) : std::nullopt;
      if (!known || known->rank() != shape->rank() || t->dtype != facts_[at(y)].type.dtype) return;
      const bool once = std::count(step.inputs.begin(), step.inputs.end(), s) == 1;
      if (extents && once && extents->count() > 0 && plan_.slots[at(s)].order == order &&
          may_be_part(s, with_gaps, index)) {
        part.shape = *extents;
        parts_[at(s)] = part;
      }
      part.offset += (*known)[axis] * inner;
    }
  }

  // Whether all parts lie side by side in another tensor already; then y is a part of it.
  bool is_view(const Step& step, const Shape& shape, int64_t inner, int index) {
    const int y = step.outputs[0];
    const int first = step.inputs[0];
    if (first < 0 || parts_[at(first)].root < 0) return false;
    const JoinPart& begin = parts_[at(first)];
    int64_t offset = begin.offset;
    for (int s : step.inputs) {
      if (s < 0) return false;
      const JoinPart& p = parts_[at(s)];
      if (p.root != begin.root || p.ld != begin.ld || p.offset != offset) return false;
      offset += p.shape[static_cast<size_t>(step.join_axis)] * inner;
    }
    if (!may_be_part(y, begin.ld > 0, index)) return false;
    parts_[at(y)] = {begin.root, begin.offset, begin.ld, shape};
    return true;
  }

  const Plan& plan_;
  const std::vector<ir::Fact>& facts_;
  const int max_steps_;
  std::vector<JoinPart> parts_;
  std::vector<bool> may_join_, may_have_gaps_;  // by slot: whether it may be a part, and one with gaps
};

}  // namespace

std::vector<JoinPart> join_in_place(const Plan& plan, const std::vector<ir::Fact>& facts, int max_steps) {
  const bool joins =
      std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& step) { return step.join_axis >= 0; });
  return joins ? Joiner(plan, facts, max_steps).run() : std::vector<JoinPart>();
}

}  // namespace ow
