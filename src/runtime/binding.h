// Binding: a plan for given input shapes. Every shape that can be known is inferred again with concrete
// dimensions, and every slot of known size gets a place in one arena; slots that live at the same time never
// share bytes, and an operator that may work in place takes over its input's place.
//
// Placement is greedy by size: the largest slot first, each at the lowest offset that is free during its
// life.
//
// What a Concat joins may have its place in the joined tensor (join.h), if the arena grows by a tenth or
// 64 KiB at most. That place is nobody's to take over as long as a part of it is read.
//
// The plan of a subgraph has a binding and an arena of its own. What it returns has two places, which
// iterations use in turn: the outputs of one are the inputs of the next.
#pragma once
#include <memory>
#include <vector>

#include "runtime/join.h"
#include "runtime/plan.h"

namespace ow {

struct Binding {
  uint64_t id = 0;               // no two of a process have the same
  std::vector<int64_t> offsets;  // per slot, in bytes; -1: allocated when it is made
  std::vector<int64_t> bytes;    // per slot: capacity at that offset
  std::vector<JoinPart> parts;   // per slot; empty: there are none
  // Per slot that a subgraph returns: from the place for even iterations to that for odd ones.
  std::vector<int64_t> odd_shift;  // empty: no slot has a second place
  int64_t arena_bytes = 0;
  int64_t total_bytes = 0;                                // with the arenas of all subgraphs
  std::vector<std::shared_ptr<const Binding>> subgraphs;  // by Subplan::index; null: everything is allocated
};

// `inputs`: facts of the plan's inputs with concrete shapes (elements may be known for small integer inputs).
// Errors: InvalidArgument where the shapes contradict an operator's rules.
Result<std::shared_ptr<const Binding>> bind_shapes(const Plan& plan, std::span<const ir::Fact> inputs);

}  // namespace ow
