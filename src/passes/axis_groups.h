// Reshape as what it does to axes: groups of neighbours that become groups of others with the same number of
// elements. So a Reshape of a tensor whose axes lie in another order can be a view: an axis may be split
// wherever it lies, and axes may be joined if they lie side by side.
#pragma once
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace ow {

struct AxisGroup {
  std::vector<uint8_t> from, to;  // axes before and behind
};
// Smallest groups; nullopt where sizes that are not known could be grouped in more than one way.
std::optional<std::vector<AxisGroup>> axis_groups(const SymShape& from, const SymShape& to);

// The axes behind the Reshape from the outermost in memory, of a tensor whose axes before it lie in the order
// `memory`; nullopt if it cannot be a view. has_gaps: the tensor is a part of a larger one, so that even
// neighbours cannot be joined.
std::optional<std::vector<uint8_t>> regrouped(const SymShape& from, const SymShape& to,
                                              const std::vector<uint8_t>& memory, bool has_gaps);

// Whether the operator of a view (Reshape, Flatten, Squeeze, Unsqueeze) makes one of a tensor with any
// strides.
bool keeps_strides(const ir::Node& node);

}  // namespace ow
