// Binding: a plan for given input shapes. Every shape that can be known is inferred again with concrete
// dimensions, and every slot of known size gets a place in one arena; slots that live at the same time never
// share bytes, and an operator that may work in place takes over its input's place.
//
// Placement is greedy by size: the largest slot first, each at the lowest offset that is free during its
// life.
#pragma once
#include <memory>
#include <vector>

#include "runtime/plan.h"

namespace ow {

struct Binding {
  std::vector<int64_t> offsets;  // per slot, in bytes; -1: allocated when it is made
  std::vector<int64_t> bytes;    // per slot: capacity at that offset
  int64_t arena_bytes = 0;
};

// `inputs`: facts of the plan's inputs with concrete shapes (elements may be known for small integer inputs).
// Errors: InvalidArgument where the shapes contradict an operator's rules.
Result<std::shared_ptr<const Binding>> bind_shapes(const Plan& plan, std::span<const ir::Fact> inputs);

}  // namespace ow
