#include "passes/missed.h"

#include <algorithm>

namespace ow {
namespace {

std::string output_name(const ir::Node& node) {
  return node.outputs().empty() || !node.output(0) ? std::string() : node.output(0)->name();
}

constexpr size_t kShownReaders = 3;

}  // namespace

void MissedFusions::begin(std::string_view pass) {
  pass_ = pass;
  std::erase_if(list_, [&](const MissedFusion& m) { return m.pass == pass; });
}

const MissedFusion* MissedFusions::about(const ir::Node& node) const {
  if (list_.empty()) return nullptr;
  const std::string label = node.label(), output = output_name(node);
  const auto it = std::find_if(list_.begin(), list_.end(),
                               [&](const MissedFusion& m) { return m.node == label && m.output == output; });
  return it == list_.end() ? nullptr : &*it;
}

void Why::say(int steps, std::string reason) {
  steps_ = steps;
  auto& list = missed_->list_;
  if (!place_) {
    place_ = list.size();
    list.push_back({missed_->pass_, anchor_.label(), output_name(anchor_), {}});
  }
  list[*place_].reason = std::move(reason);
}

void Why::dismiss() {
  if (place_) missed_->list_.erase(missed_->list_.begin() + static_cast<std::ptrdiff_t>(*place_));
  place_.reset();
  missed_ = nullptr;
}

std::string Why::shown(const ir::Value* value) {
  return value ? cat("'", printable(value->name()), "'") : std::string("an omitted input");
}

std::string Why::shown(const MakerOf& maker) {
  const ir::Value* v = maker.value;
  if (!v) return "an omitted input";
  if (v->producer()) return v->producer()->label();
  return cat(v->is_constant() ? "the constant " : "the input ", shown(v));
}

std::string Why::shown(const ReadersOf& readers) {
  const ir::Value* v = readers.value;
  if (!v) return "its result is omitted";
  const size_t count = v->uses().size();
  if (count == 0) return cat(shown(v), v->output_uses() ? " is an output of the graph" : " is not used");
  std::string text = cat(shown(v), " is read by ");
  if (count > 1) text += cat(count, " nodes: ");
  for (size_t i = 0; i < std::min(count, kShownReaders); ++i) {
    const ir::Node* node = v->uses()[i].node;
    text += cat(i ? ", " : "", node->label(), node->graph() == v->graph() ? "" : " in a subgraph");
  }
  if (count > kShownReaders) text += cat(" and ", count - kShownReaders, " more");
  return v->output_uses() ? text + ", and is an output of the graph" : text;
}

}  // namespace ow
