// Frame: the values of one run of a plan. A frame belongs to one thread at a time and is reused from run to
// run: its arena, the constants in its slots and the frames of subgraphs stay, so a step whose shapes the
// binding knows allocates nothing.
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
  std::shared_ptr<Budget> arena_memory = nullptr;  // where arenas come from; may be null
  // By output of the graph, empty for none: dense memory of its type and shape to compute it in, if that can
  // be. It must overlap no input and no other one.
  std::span<const Tensor> targets = {};
};

class Frame {
 public:
  explicit Frame(std::shared_ptr<const Plan> plan);
  ~Frame();
  Frame(const Frame&) = delete;

  // Runs all steps. `inputs`, in the plan's order, stay borrowed until the run ends. `binding` may be null:
  // then every value is allocated when it is made. Outputs own their memory. After an error the frame is
  // empty again. Arenas are not charged to the budget here; binding->total_bytes says what they take.
  Result<std::vector<Value>> run(std::span<const Value> inputs, const Binding* binding,
                                 const RunSettings& settings);
  int64_t arena_bytes() const { return arena_bytes_; }

 private:
  class Context;
  // Where outputs go: to memory of their own, or to their place in the arena for even or odd iterations.
  enum class Results { kOwned, kEven, kOdd };
  struct Call {
    const Binding* binding = nullptr;
    const RunSettings* settings = nullptr;
    Results results = Results::kOwned;
  };

  Status run_steps(std::span<const Value> inputs, std::span<const Value* const> captures, const Call& call);
  static Status located(const Step& step, Status status);
  Status run_step(const Step& step, Context& context);
  Status check_input(const Step& step, size_t i) const;
  Status check_types(const Step& step) const;
  Status reorder(const Step& step);
  // Joins what lies where it is wanted already, and moves the rest there; false: that is the operator's to
  // do.
  Result<bool> join(const Step& step);
  Result<Tensor> packed(int slot) const;
  const JoinPart* part(int slot) const;  // null: it is none
  Status unshare(int slot);
  Status ensure_arena(int64_t bytes, const std::shared_ptr<Budget>& memory);
  void place_targets(std::span<const Tensor> targets);
  Status take_results(std::span<Value> outputs);
  Status result(int slot, Value& to);
  void forget();
  void drop(int slot);
  std::byte* place(int slot) const;
  bool is_in_place(int slot, const Tensor& t) const;
  Result<Tensor> allocate(int slot, DType dtype, const Shape& shape);
  Result<std::span<std::byte>> scratch(int64_t bytes);
  Result<std::span<std::byte>> large_scratch(int64_t bytes);
  void end_scratch();
  Status run_child(const Step& step, const ir::Graph& g, Results results, std::span<const Value> inputs,
                   std::span<Value> outputs);

  std::shared_ptr<const Plan> plan_;
  std::vector<Value> values_;
  std::vector<std::pair<int, Tensor>> placed_;  // slots that are computed in memory of the caller's
  // Slots that hold their planned tensor until the next run makes it again: the same memory, shape and type
  // need no new one. Never the values of containers and views, and none after the binding changed.
  std::vector<bool> is_kept_;
  uint64_t bound_ = 0;             // Binding::id of the values that are kept
  std::vector<Context> contexts_;  // of steps that are operators, in order
  Call call_;                      // the run in progress
  Buffer arena_;
  int64_t arena_bytes_ = 0;
  struct Child {
    std::unique_ptr<Frame> frame;
    std::vector<const Value*> captures;  // this frame's values
  };
  std::vector<Child> children_;  // by Subplan::index, made on first use

  // Scratch memory of one step at a time: a block that is kept for small requests, another for a large one,
  // and what did not fit. To get new pages for a large one in each step can take as long as the step.
  static constexpr int64_t kKeptScratchBytes = 1 << 20, kMostKeptBytes = 64 << 20;
  Buffer scratch_block_;
  int64_t scratch_bytes_ = 0, scratch_used_ = 0, scratch_wanted_ = 0;
  Buffer large_block_;
  int64_t large_bytes_ = 0, large_charged_ = 0;
  std::vector<Buffer> scratch_extra_;
};

}  // namespace ow
