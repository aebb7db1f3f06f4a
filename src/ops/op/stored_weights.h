// Weights as a model's file has them: large ones, at any address (tensor/alignment.h).
#pragma once
#include "kernels/gemm.h"
#include "ops/op/run.h"

namespace ow {

// The elements of float weights, for those who pack them.
inline const kernels::UnalignedFloat* stored_floats(const Tensor& t) {
  return reinterpret_cast<const kernels::UnalignedFloat*>(t.raw());
}

// Whether `prepare` of this node takes constant float weights at this input at any address.
bool packs_unaligned(const ir::Node& node, size_t input);
// Whether `run` does.
bool runs_unaligned(const ir::Node& node, size_t input);

// Whether all who read this value take it at any address.
bool may_stay_unaligned(const ir::Value& v);

// While one exists, `prepare` in this thread can say which bytes of weights it does not read again: of
// weights far larger than others, so that they and their packed form are not in memory at once.
class LetGoScope {
 public:
  using LetGo = std::function<void(std::span<const std::byte>)>;
  explicit LetGoScope(const LetGo& let_go);
  ~LetGoScope();
  LetGoScope(const LetGoScope&) = delete;
  LetGoScope& operator=(const LetGoScope&) = delete;
  static const LetGo* current();  // null: nobody wants to know
};

// For kernels::BSource::packed: lets go of these of the weights' floats.
inline auto let_go_floats(const Tensor& weights) {
  return [first = weights.raw(), parts = LetGoScope::current()](int64_t begin, int64_t end) {
    if (parts) (*parts)({first + begin * 4, static_cast<size_t>((end - begin) * 4)});
  };
}

// Memory for packed weights, for `prepare`: from the thread's PackedMemory, if it has one.
Result<Buffer> packed_buffer(int64_t bytes);

// Large blocks that one thread's packed weights come from: as a whole they are of large pages, which are
// there sooner than as many small ones. A block lives as long as anything in it.
class PackedMemory {
 public:
  // While one exists, this thread's packed_buffer takes from `memory`, if about `expected_bytes` are enough
  // to be worth it.
  class Scope {
   public:
    Scope(PackedMemory& memory, int64_t expected_bytes);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };
  Result<Buffer> take(int64_t bytes);

 private:
  Buffer block_;
  int64_t used_bytes_ = 0, block_bytes_ = 0;
};

}  // namespace ow
