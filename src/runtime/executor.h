// Frame: the values of one run of a plan. A frame belongs to one thread at a time and is reused from run to
// run, so that its memory is allocated once.
#pragma once
#include <memory>
#include <vector>

#include "runtime/binding.h"
#include "runtime/profiler.h"

namespace ow {

struct RunSettings {
  int threads = 1;
  std::shared_ptr<Budget> budget;
  Profiler* profiler = nullptr;                    // may be null
  std::shared_ptr<Budget> arena_memory = nullptr;  // where the arena comes from; may be null
  // By output of the graph, empty for none: dense memory of its type and shape to compute it in, if that can
  // be. It must overlap no input and no other one.
  std::span<const Tensor> targets = {};
};

class Frame {
 public:
  explicit Frame(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)), values_(plan_->slots.size()) {}

  // Runs all steps. `inputs`, in the plan's order, stay borrowed until the run ends. `binding` may be null:
  // then every value is allocated when it is made. Outputs own their memory. After an error the frame is
  // empty again.
  Result<std::vector<Value>> run(std::span<const Value> inputs,
                                 std::span<const std::pair<int, const Value*>> captures,
                                 const Binding* binding, const RunSettings& settings);
  void trim() { arena_.reset(), arena_bytes_ = 0, children_.clear(); }
  int64_t arena_bytes() const { return arena_bytes_; }

 private:
  class Context;
  static Status located(const Step& step, Status status);
  Status run_step(const Step& step, const Binding* binding, const RunSettings& settings);
  Status reorder(const Step& step, const Binding* binding, const RunSettings& settings);
  Status unshare(int slot, const Binding* binding, const RunSettings& settings);
  Status ensure_arena(int64_t bytes, const std::shared_ptr<Budget>& memory);
  void place_targets(std::span<const Tensor> targets);
  Result<Tensor> allocate(int slot, DType dtype, const Shape& shape, const Binding* binding,
                          const RunSettings& settings);
  Result<std::vector<Value>> run_child(const Step& step, const ir::Graph& g, std::span<const Value> inputs,
                                       const RunSettings& settings);

  std::shared_ptr<const Plan> plan_;
  std::vector<Value> values_;
  std::vector<std::pair<int, Tensor>> placed_;  // slots that are computed in memory of the caller's
  Buffer arena_;
  int64_t arena_bytes_ = 0;
  std::vector<std::pair<const ir::Graph*, std::unique_ptr<Frame>>> children_;
};

}  // namespace ow
