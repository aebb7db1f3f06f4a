// Elementwise loops over strided operands: y[i] = f(a[i], b[i], ...), with broadcasting as stride 0.
//
// A loop drops axes of extent 1, orders the rest by the strides of the output (operand 0) and merges
// neighbours that all operands step through evenly, so that dense tensors, channels-last tensors and most
// broadcasts become one or two axes. It then hands the caller contiguous pieces: an operand that is
// contiguous there is passed as it is, others are gathered into a small buffer, and a strided output is
// scattered from one. So a caller writes one plain loop over arrays for each element type, whatever the
// strides are.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace ow::kernels {

// Operand 0 is the output. `strides` has one entry per axis of the loop, in elements; any sign, and 0 where
// an input repeats. element_bytes: 1, 2, 4, 8 or 16.
struct StridedOperand {
  std::byte* data = nullptr;  // inputs are only read
  int64_t element_bytes = 0;
  const int64_t* strides = nullptr;
};

inline constexpr size_t kMaxOperands = 8;
// Elements in one gathered piece.
inline constexpr int64_t kPieceElements = 512;

class StridedLoop {
 public:
  // pointers[k]: `n` contiguous elements of operand k. The output may be the memory of an input (in place).
  using Piece = CallableRef<std::byte* const*, int64_t>;

  StridedLoop(std::span<const int64_t> extents, std::span<const StridedOperand> operands);

  // Number of output elements.
  int64_t count() const { return count_; }

  // Bit k: throughout any piece operand k is one and the same element.
  uint32_t repeating() const;

  // Elements [begin, end) of the loop's own order. Disjoint ranges may run on different threads. Where the
  // output is an input's memory, only that one input may overlap it, at the same strides. Of the operands in
  // `single`, some of repeating(), pointers[k] is that one element alone.
  void run(int64_t begin, int64_t end, const Piece& piece, uint32_t single = 0) const;

 private:
  struct Axis {
    int64_t extent;
    std::array<int64_t, kMaxOperands> strides;
  };
  enum class Access { kDirect, kRepeat, kPattern, kGather };
  // State of one operand during `run`.
  struct Cursor {
    Access access = Access::kDirect;
    alignas(16) std::byte buffer[kPieceElements * 16];
    const std::byte* filled_from = nullptr;
    int64_t filled = 0;
  };

  bool is_linear(size_t k) const;
  Access access(size_t k) const;
  int64_t offset(size_t k, int64_t index) const;
  void copy(size_t k, int64_t index, int64_t n, std::byte* buffer, bool scatter) const;
  std::byte* fetch(size_t k, int64_t index, int64_t n, Cursor& cursor) const;

  std::vector<Axis> axes_;  // outermost first, at least one
  std::array<StridedOperand, kMaxOperands> operands_;
  size_t operand_count_;
  int64_t count_ = 1;
  bool whole_rows_;    // pieces end at the end of the innermost axis
  int64_t block_ = 0;  // elements of the two innermost axes where the innermost is short and both are long
};

}  // namespace ow::kernels
