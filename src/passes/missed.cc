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
  if (v->uses().empty())
    return cat(shown(v), v->output_uses() ? " is an output of the graph" : " is not used");
  std::vector<const ir::Node*> nodes;
  for (const auto& use : v->uses())
    if (std::find(nodes.begin(), nodes.end(), use.node) == nodes.end()) nodes.push_back(use.node);
  std::string text = cat(shown(v), " is read by ");
  if (nodes.size() > 1) text += cat(nodes.size(), " nodes: ");
  for (size_t i = 0; i < std::min(nodes.size(), kShownReaders); ++i)
    text += cat(i ? ", " : "", nodes[i]->label(), nodes[i]->graph() == v->graph() ? "" : " in a subgraph");
  if (nodes.size() > kShownReaders) text += cat(" and ", nodes.size() - kShownReaders, " more");
  if (nodes.size() == 1 && v->uses().size() > 1) text += cat(", ", v->uses().size(), " times");
  return v->output_uses() ? text + ", and is an output of the graph" : text;
}

}  // namespace ow
