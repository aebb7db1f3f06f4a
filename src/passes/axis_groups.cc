#include "passes/axis_groups.h"

#include <algorithm>

namespace ow {

std::optional<std::vector<AxisGroup>> axis_groups(const SymShape& from, const SymShape& to) {
  std::vector<AxisGroup> groups;
  size_t i = 0, j = 0;
  const auto is_empty = [](const SymShape& s) {
    return std::any_of(s.begin(), s.end(), [](const Dim& d) { return d.is(0); });
  };
  if (is_empty(from) || is_empty(to)) return std::nullopt;
  while (i < from.size() || j < to.size()) {
    AxisGroup group;
    Dim before(1), behind(1);
    const auto take = [](const SymShape& s, size_t& at, Dim& count, std::vector<uint8_t>& axes) {
      count = count * s[at];
      axes.push_back(static_cast<uint8_t>(at++));
    };
    if (i < from.size()) take(from, i, before, group.from);
    if (j < to.size()) take(to, j, behind, group.to);
    while (!(before == behind)) {
      const auto a = before.constant(), b = behind.constant();
      // One side alone grows; an unknown size is that of the same symbol, or of one that is yet to come.
      const bool grow_before = a && b ? *a < *b : a.has_value();
      if (!a && !b) return std::nullopt;
      if (grow_before && i < from.size())
        take(from, i, before, group.from);
      else if (!grow_before && j < to.size())
        take(to, j, behind, group.to);
      else
        return std::nullopt;
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

std::optional<std::vector<uint8_t>> regrouped(const SymShape& from, const SymShape& to,
                                              const std::vector<uint8_t>& memory, bool has_gaps) {
  const auto groups = axis_groups(from, to);
  if (!groups) return std::nullopt;
  std::vector<uint8_t> longer, out;
  for (uint8_t a : memory)
    if (!from[a].is(1)) longer.push_back(a);
  const auto longer_of = [&](const AxisGroup& g) {
    std::vector<uint8_t> axes;
    for (uint8_t a : g.from)
      if (!from[a].is(1)) axes.push_back(a);
    return axes;
  };
  for (const AxisGroup& g : *groups)
    if (longer_of(g).empty()) out.insert(out.end(), g.to.begin(), g.to.end());
  for (size_t at = 0; at < longer.size();) {
    const auto group = std::find_if(groups->begin(), groups->end(), [&](const AxisGroup& g) {
      return std::count(g.from.begin(), g.from.end(), longer[at]) > 0;
    });
    const auto axes = longer_of(*group);
    if (axes.size() > 1 && has_gaps) return std::nullopt;
    if (at + axes.size() > longer.size() || !std::equal(axes.begin(), axes.end(), longer.begin() + at))
      return std::nullopt;
    out.insert(out.end(), group->to.begin(), group->to.end());
    at += axes.size();
  }
  return out;
}

bool keeps_strides(const ir::Node& node) { return node.is("Reshape"); }

}  // namespace ow
