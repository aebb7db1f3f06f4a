#include "ops/op/feedback.h"

#include "ops/op/join.h"

namespace ow {
namespace {

// Rounds of the same body until all sizes of its state become symbols, and until their ranks are given up.
constexpr int kRoundsToSymbols = 3, kRoundsToRank = 4;
// Only a state whose kind changes all the time gets here; running it is refused.
constexpr int kMaxRounds = 8;

}  // namespace

ir::Type without_shape(ir::Type type) {
  type.shape.reset();
  if (type.element) type.element = std::make_shared<const ir::Type>(without_shape(*type.element));
  return type;
}

bool FeedbackInference::is_widened(const Dim& d) const { return d.is_unknown() && symbols_.count(d.text()); }

Dim FeedbackInference::widened(const Dim& in, const Dim& out, bool& changed) {
  if (in == out || is_widened(in)) return in;
  changed = true;
  Dim made = Dim::unknown();
  symbols_.insert(made.text());
  return made;
}

ir::Type FeedbackInference::widened(const ir::Type& in, const ir::Type& out, bool& changed) {
  if (in.kind != out.kind) {
    ir::Type type = without_shape(common_type(in, out));
    changed |= type.text() != in.text();
    return type;
  }
  ir::Type type = in;
  if (in.dtype == DType::kUndefined && out.dtype != DType::kUndefined) type.dtype = out.dtype, changed = true;
  if (in.element && out.element)
    type.element = std::make_shared<const ir::Type>(widened(*in.element, *out.element, changed));
  else if (!in.element && out.element)
    type.element = std::make_shared<const ir::Type>(without_shape(*out.element)), changed = true;
  if (!in.shape) return type;
  if (!out.shape || out.shape->size() != in.shape->size()) {
    type.shape.reset();
    changed = true;
    return type;
  }
  for (size_t i = 0; i < in.shape->size(); ++i)
    (*type.shape)[i] = widened((*in.shape)[i], (*out.shape)[i], changed);
  return type;
}

// `in` becomes what is common to it and `out`; returns whether that is less than it was.
bool FeedbackInference::widen(ir::Fact& in, const ir::Fact& out) {
  bool changed = false;
  in.type = widened(in.type, out.type, changed);
  in.constant.reset();
  if (!in.elements) return changed;
  if (!out.elements || out.elements->size() != in.elements->size()) {
    in.elements.reset();
    return true;
  }
  for (size_t i = 0; i < in.elements->size(); ++i)
    (*in.elements)[i] = widened((*in.elements)[i], (*out.elements)[i], changed);
  return changed;
}

void FeedbackInference::widen_all(ir::Fact& fact, bool rank) {
  fact.elements.reset();
  if (rank || !fact.type.shape) {
    fact.type = without_shape(fact.type);
    return;
  }
  bool changed = false;
  for (Dim& d : *fact.type.shape) d = widened(d, Dim::unknown(), changed);
}

// What an earlier round of the same body found to change counts as changing now.
void FeedbackInference::keep_widened(ir::Fact& fact, const ir::Fact& before) const {
  auto keep = [&](std::vector<Dim>& now, const std::vector<Dim>& then) {
    for (size_t i = 0; i < now.size(); ++i)
      if (is_widened(then[i])) now[i] = then[i];
  };
  if (!before.type.shape || !fact.type.shape || before.type.shape->size() != fact.type.shape->size())
    fact.type = without_shape(fact.type);
  else
    keep(*fact.type.shape, *before.type.shape);
  if (!before.elements || !fact.elements || before.elements->size() != fact.elements->size())
    fact.elements.reset();
  else
    keep(*fact.elements, *before.elements);
}

// Sizes that change mean nothing outside the body; expressions of them become symbols, equal ones the same.
void FeedbackInference::leave_body(std::vector<ir::Fact>& outputs) const {
  std::unordered_map<std::string, Dim> outside;
  const auto leave = [&](Dim& d) {
    bool inside = false;
    d.visit_symbols([&](std::string_view name) { inside |= symbols_.count(std::string(name)) > 0; });
    if (inside) d = outside.try_emplace(d.text(), Dim::unknown()).first->second;
  };
  for (ir::Fact& fact : outputs) {
    if (fact.type.shape)
      for (Dim& d : *fact.type.shape) leave(d);
    if (fact.elements)
      for (Dim& d : *fact.elements) leave(d);
  }
}

Result<std::vector<ir::Fact>> FeedbackInference::infer(const void* body, std::vector<ir::Fact> inputs,
                                                       std::span<const Feedback> feedback, const Once& once) {
  if (feedback.empty()) return once(inputs);
  for (ir::Fact& fact : inputs) fact.constant.reset();
  if (auto it = widest_.find(body); it != widest_.end())
    for (const Feedback& f : feedback) keep_widened(inputs[f.to], it->second.inputs[f.to]);
  for (bool shapes = true;;) {
    auto outputs = once(inputs);
    if (!outputs.ok()) {
      if (!shapes) return outputs;
      shapes = false;
      for (const Feedback& f : feedback) widen_all(inputs[f.to], true);
      continue;
    }
    bool changed = false;
    for (const Feedback& f : feedback) changed |= widen(inputs[f.to], (*outputs)[f.from]);
    Widest& widest = widest_[body];
    if (changed && ++widest.round >= kRoundsToSymbols)
      for (const Feedback& f : feedback) widen_all(inputs[f.to], widest.round >= kRoundsToRank);
    widest.inputs = inputs;
    if (changed && widest.round <= kMaxRounds) continue;
    leave_body(*outputs);
    return outputs;
  }
}

}  // namespace ow
