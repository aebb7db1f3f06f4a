// Plan: a graph as a list of steps over numbered slots, made once and shared by all runs.
//
// Each slot has a memory order that the plan chose: row-major, channels-last, or the order that a
// transposition leaves behind. Where a step needs another order than a slot has, a reorder step makes it; the
// same slot is reordered once for all its readers. A part of a tensor is a view with gaps, which some read
// where it is; a Reshape of what is not row-major stays a view where the axes that it joins lie side by side.
// Subgraphs are plans of their own; the values that they capture are handed over by slot.
#pragma once
#include <any>
#include <functional>
#include <memory>
#include <vector>

#include "ops/op/op.h"
#include "passes/pipeline.h"

namespace ow {

// Memory order of a tensor's axes, outermost first. `axes` empty: row-major, or channels-last if that is set
// (kept apart from a list of axes because it applies to any rank).
struct Order {
  bool channels_last = false;
  std::vector<uint8_t> axes;
  bool has_gaps = false;  // a view of a part of a tensor: the rest of that lies between
  bool is_row_major() const { return !channels_last && axes.empty() && !has_gaps; }
  friend bool operator==(const Order&, const Order&) = default;
};
// The axes of a tensor of this rank, outermost first.
std::vector<uint8_t> ordered_axes(size_t rank, const Order& order);
// Strides of a gapless tensor of this shape in this order.
Shape ordered_strides(const Shape& shape, const Order& order);

struct Plan;

// Hands a value of the enclosing frame to a slot of a subgraph's plan.
struct Capture {
  int from = -1, to = -1;
};

// A graph that an operator runs, as a plan of its own.
struct Subplan {
  const ir::Graph* graph = nullptr;
  std::shared_ptr<const Plan> plan;
  std::vector<Capture> captures;
  int index = 0;  // among all of the enclosing plan
};

struct Step {
  enum class Kind { kOperator, kReorder };
  Kind kind = Kind::kOperator;
  const Op* op = nullptr;
  const ir::Node* node = nullptr;
  Op::Attrs attrs;
  std::any prepared;
  std::vector<int> inputs, outputs;  // slots; -1: omitted
  std::vector<DType> input_types;    // of inputs that are tensors of a known type, else kUndefined
  uint64_t tensor_inputs = 0;        // bit i: input i is nothing but a tensor (bit 63: and those after it)
  // The element type of an input is not known here: it is checked when it arrives.
  bool unknown_types = false;
  std::vector<Subplan> subgraphs;
  std::vector<int> last_uses;  // slots that nobody reads after this step
  // LayoutRule::kAlongAxes, where the order is not row-major: the axes of input 0 from the outermost in
  // memory, and the place of each axis there. `run` sees tensors of that rank with their axes so arranged.
  std::vector<uint8_t> memory_axes, axis_places;
  int join_axis = -1;  // the axis that a Concat of tensors of known rank joins its inputs along

  bool needs(size_t input) const { return tensor_inputs >> (input < 63 ? input : 63) & 1; }
};

struct Slot {
  const ir::Value* value = nullptr;  // null: made by the plan (a reordered copy)
  int reorder_of = -1;               // the slot it is a reordered copy of
  Order order;
  int alias_of = -1;  // shares memory with that slot (a view)
  int first_step = -1,
      last_step = -1;    // made by, last read by (its aliases' reads included); last = step count: output
  bool escapes = false;  // (an alias of) an output of the graph: memory of its own
  bool pinned = false;   // constant, input or capture: its memory is not the plan's to reuse
};

struct Plan {
  std::shared_ptr<const ir::Graph> graph;  // nodes and names that steps refer to
  bool strict = false;                     // see PlanOptions
  std::vector<Slot> slots;
  std::vector<Step> steps;
  std::vector<int> inputs, outputs;  // slots in the graph's order
  std::vector<std::pair<int, Tensor>> constants;
  std::vector<std::pair<const ir::Value*, int>> captures;  // values of enclosing graphs and their slots here
  int subgraph_count = 0;
  std::vector<int> unread;  // slots that hold something after the last step: inputs, captures, outputs
};

struct PlanOptions {
  int threads = 1;
  bool strict = false;  // see PrepareContext::strict
  // Told, in any thread, of bytes of constants that the graph forgets because all who read them have them in
  // packed form; may be null.
  std::function<void(std::span<const std::byte>)> let_go = nullptr;
};

// `graph` is final: passes have run. Constants that are packed for all who read them are taken out of it.
// Errors: Unsupported (an operator without a CPU kernel), InvalidModel.
Result<std::shared_ptr<const Plan>> compile_plan(std::shared_ptr<const ir::Graph> graph,
                                                 const PlanOptions& options);

}  // namespace ow
