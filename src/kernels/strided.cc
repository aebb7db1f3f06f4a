// Pieces of a loop with a long innermost axis stay within one row, so that operands contiguous along it need
// no copy. With a short innermost axis (a bias over three channels) a piece spans rows, and an operand that
// is not linear in the whole loop is gathered: the copy costs less than a call for every short row. Where the
// two innermost axes are long together, pieces stay within them, an operand that is linear there needs no
// copy either, and one row that repeats is written into the buffer as often as fits, once.
#include "kernels/strided.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ow::kernels {
namespace {

constexpr int64_t kLongRow = 256;

struct Bytes16 {
  uint64_t low, high;
};

// Calls fn with a value of a type of that many bytes.
template <class Fn>
void with_size(int64_t element_bytes, Fn&& fn) {
  switch (element_bytes) {
    case 1:
      return fn(uint8_t{});
    case 2:
      return fn(uint16_t{});
    case 4:
      return fn(uint32_t{});
    case 8:
      return fn(uint64_t{});
    default:
      return fn(Bytes16{});
  }
}

}  // namespace

StridedLoop::StridedLoop(std::span<const int64_t> extents, std::span<const StridedOperand> operands)
    : operand_count_(operands.size()) {
  std::copy(operands.begin(), operands.end(), operands_.begin());
  for (size_t i = 0; i < extents.size(); ++i) {
    count_ *= extents[i];
    if (extents[i] == 1) continue;
    Axis axis{extents[i], {}};
    for (size_t k = 0; k < operand_count_; ++k) axis.strides[k] = operands[k].strides[i];
    axes_.push_back(axis);
  }
  std::stable_sort(axes_.begin(), axes_.end(), [](const Axis& a, const Axis& b) {
    return std::abs(a.strides[0]) > std::abs(b.strides[0]);
  });
  size_t kept = 0;
  for (size_t i = 1; i < axes_.size(); ++i) {
    bool even = true;
    for (size_t k = 0; k < operand_count_; ++k)
      even &= axes_[kept].strides[k] == axes_[i].strides[k] * axes_[i].extent;
    if (even) {
      axes_[kept].extent *= axes_[i].extent;
      axes_[kept].strides = axes_[i].strides;
    } else {
      axes_[++kept] = axes_[i];
    }
  }
  if (axes_.empty())
    axes_.push_back({1, {1, 1, 1, 1, 1, 1, 1, 1}});
  else
    axes_.resize(kept + 1);
  const int64_t row = axes_.back().extent;
  whole_rows_ = axes_.size() > 1 && row >= kLongRow;
  if (axes_.size() > 1 && !whole_rows_ && axes_[axes_.size() - 2].extent * row >= kPieceElements)
    block_ = axes_[axes_.size() - 2].extent * row;
}

StridedLoop::Access StridedLoop::access(size_t k) const {
  const Axis& row = axes_.back();
  if (is_linear(k)) return Access::kDirect;
  if (whole_rows_ || axes_.size() == 1) {
    if (row.strides[k] == 1) return Access::kDirect;
    return row.strides[k] == 0 && k > 0 ? Access::kRepeat : Access::kGather;
  }
  if (block_ == 0) return Access::kGather;
  const int64_t next = axes_[axes_.size() - 2].strides[k];
  if (row.strides[k] == 1 && next == row.extent) return Access::kDirect;
  return next == 0 && k > 0 ? Access::kPattern : Access::kGather;
}

bool StridedLoop::is_linear(size_t k) const {
  int64_t expected = 1;
  for (size_t i = axes_.size(); i-- > 0;) {
    if (axes_[i].strides[k] != expected) return false;
    expected *= axes_[i].extent;
  }
  return true;
}

int64_t StridedLoop::offset(size_t k, int64_t index) const {
  int64_t at = 0;
  for (size_t i = axes_.size(); i-- > 0; index /= axes_[i].extent)
    at += index % axes_[i].extent * axes_[i].strides[k];
  return at;
}

// Copies elements [index, index + n) of operand k to the buffer, or from it.
void StridedLoop::copy(size_t k, int64_t index, int64_t n, std::byte* buffer, bool scatter) const {
  const Axis& row = axes_.back();
  const int64_t stride = row.strides[k];
  // Of the axis before: how many rows there are and how far apart they lie.
  const int64_t rows = axes_.size() > 1 ? axes_[axes_.size() - 2].extent : 1;
  const int64_t next = axes_.size() > 1 ? axes_[axes_.size() - 2].strides[k] : 0;
  with_size(operands_[k].element_bytes, [&]<class T>(T) {
    T* to = reinterpret_cast<T*>(buffer);
    int64_t column = index % row.extent, left = 0;
    const T* line = nullptr;
    for (int64_t done = 0; done < n; column = 0) {
      const int64_t length = std::min(row.extent - column, n - done);
      if (left == 0) {
        left = rows - (index + done) / row.extent % rows;
        line = reinterpret_cast<const T*>(operands_[k].data) + offset(k, index + done - column);
      }
      T* at = const_cast<T*>(line) + column * stride;
      if (scatter) {
        for (int64_t i = 0; i < length; ++i) at[i * stride] = to[done + i];
      } else if (stride == 1) {
        std::memcpy(to + done, at, static_cast<size_t>(length) * sizeof(T));
      } else if (stride == 0) {
        std::fill_n(to + done, length, *at);
      } else {
        for (int64_t i = 0; i < length; ++i) to[done + i] = at[i * stride];
      }
      done += length;
      line += next;
      --left;
    }
  });
}

std::byte* StridedLoop::fetch(size_t k, int64_t index, int64_t n, Cursor& cursor) const {
  if (cursor.access == Access::kGather) {
    copy(k, index, n, cursor.buffer, false);
    return cursor.buffer;
  }
  if (cursor.access == Access::kPattern) {
    const int64_t column = index % axes_.back().extent;
    const std::byte* row = operands_[k].data + offset(k, index - column) * operands_[k].element_bytes;
    // The rows of the buffer are those from the block's start on, so any run of elements begins in the first.
    if (cursor.filled_from != row) copy(k, index / block_ * block_, kPieceElements, cursor.buffer, false);
    cursor.filled_from = row;
    return cursor.buffer + column * operands_[k].element_bytes;
  }
  std::byte* at = operands_[k].data + offset(k, index) * operands_[k].element_bytes;
  if (cursor.access == Access::kDirect) return at;
  if (cursor.filled_from != at || cursor.filled < n) {
    copy(k, index, n, cursor.buffer, false);
    cursor.filled_from = at;
    cursor.filled = n;
  }
  return cursor.buffer;
}

uint32_t StridedLoop::repeating() const {
  uint32_t found = 0;
  for (size_t k = 1; k < operand_count_; ++k)
    if (access(k) == Access::kRepeat) found |= 1U << k;
  return found;
}

void StridedLoop::run(int64_t begin, int64_t end, const Piece& piece, uint32_t single) const {
  std::array<Cursor, kMaxOperands> cursors;
  bool all_direct = true, in_blocks = false;
  for (size_t k = 0; k < operand_count_; ++k) {
    cursors[k].access = (single >> k & 1) != 0 ? Access::kDirect : access(k);
    all_direct &= cursors[k].access == Access::kDirect;
    in_blocks |= block_ > 0 && cursors[k].access != Access::kGather && !is_linear(k);
  }
  const int64_t row = axes_.back().extent;
  std::byte* pointers[kMaxOperands] = {};
  for (int64_t i = begin; i < end;) {
    int64_t n = end - i;
    if (whole_rows_) n = std::min(n, row - i % row);
    if (in_blocks) n = std::min(n, block_ - i % block_);
    if (!all_direct) n = std::min(n, in_blocks ? kPieceElements - row : kPieceElements);
    for (size_t k = 1; k < operand_count_; ++k) pointers[k] = fetch(k, i, n, cursors[k]);
    const bool scatter = cursors[0].access != Access::kDirect;
    pointers[0] = scatter ? cursors[0].buffer : fetch(0, i, n, cursors[0]);
    piece(pointers, n);
    if (scatter) copy(0, i, n, cursors[0].buffer, true);
    i += n;
  }
}

}  // namespace ow::kernels
