// The weights of winograd.h: the kernels, or what their transform makes of them.
//
//   transformed:  for each of the n^2 products (25 at stride 2), B as in gemm.h: [channels][out_channels]
//   as they are:  as conv_direct.h packs them
//
// The second is smaller by n^2 / r^2, and a run that transforms its kernels reads so much less of memory that
// is slower than the arithmetic. It does that a block at a time, into memory that stays in the second-level
// cache, and in float: rounding a kernel a few times more is nothing beside the sum over the many channels
// that such convolutions have.
#pragma once
#include "kernels/gemm_core.h"
#include "kernels/winograd.h"
#include "kernels/winograd_table.h"

namespace ow::kernels {

const WinogradTransforms& winograd_transforms(Isa isa, const ConvShape& shape, WinogradForm form);

class WinogradWeights {
 public:
  // `shape` must outlive it.
  WinogradWeights(Isa isa, const ConvShape& shape, WinogradForm form);

  int64_t packed_floats() const;
  void pack(const UnalignedFloat* w, float* packed, int threads) const;  // what is transformed before the run

  // The sum over the channels is taken in pieces of so many, one after the other.
  int64_t piece() const { return piece_; }
  int64_t scratch_floats() const;

  // The weights of channels [k, k + count) for one panel: B of product i is [count][columns of the panel] at
  // at + (its set of weights) * step.
  struct Block {
    const float* at;
    int64_t step;
    // What the next block is made of: next_count times so many floats, next_step apart.
    const float* next = nullptr;
    int64_t next_count = 0, next_floats = 0, next_step = 0;
  };
  // count: piece(), or the rest. scratch: scratch_floats(), until the block is done with.
  Block block(const float* packed, int64_t panel, int64_t k, int64_t count, float* scratch) const;

 private:
  const GemmTable& table_;
  const WinogradTransforms& transforms_;
  const ConvShape& s_;
  const bool at_use_;
  const int64_t sets_, area_, depth_, panel_floats_;  // floats of the panels of one set
  int64_t piece_;
};

}  // namespace ow::kernels
