// Concatenation in place: what a Concat joins is made where the joined tensor wants it, so nothing is left to
// move.
//
// A part may lie gapless in the joined tensor, where the axis is the outermost in memory but for extents of
// 1; or, of an image in channels-last order that is joined along its channels, as some of the channels of
// each pixel, where those who make and read it can take pixels with gaps between them. A joined tensor that
// is a part of another one has its parts there, too; and one whose parts already lie side by side in another
// one, as in dense blocks, is nothing but a view of them.
#pragma once
#include <vector>

#include "ops/op/infer.h"
#include "runtime/plan.h"

namespace ow {

// Larger tensors fail when they are made, if they ever are; sums of these cannot overflow.
inline constexpr int64_t kMaxPlacedBytes = int64_t{1} << 42;

// Where a slot's memory is within that of another one.
struct JoinPart {
  int root = -1;       // that slot, no part itself; -1: not a part
  int64_t offset = 0;  // bytes from its begin
  int64_t ld = 0;      // elements from pixel to pixel; 0: gapless
  Shape shape;         // of the part
};

// By slot; empty if there is no part. facts: of each slot, with concrete shapes where those are known.
// max_steps: parts are made at most so many steps before they are joined. A part holds the memory of all of
// them.
std::vector<JoinPart> join_in_place(const Plan& plan, const std::vector<ir::Fact>& facts, int max_steps);

}  // namespace ow
