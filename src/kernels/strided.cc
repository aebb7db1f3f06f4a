// Pieces of a loop with a long innermost axis stay within one row, so that operands contiguous along it need
// no copy. With a short innermost axis (a bias over three channels) a piece spans rows and every operand that
// is not linear in the whole loop is gathered: the copy costs less than a call for every short row.
#include "kernels/strided.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ow::kernels {
namespace {

constexpr int64_t kLongRow = 64;

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
    axes_.push_back({1, {1, 1, 1, 1}});
  else
    axes_.resize(kept + 1);
  whole_rows_ = axes_.size() > 1 && axes_.back().extent >= kLongRow;
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
  with_size(operands_[k].element_bytes, [&]<class T>(T) {
    T* to = reinterpret_cast<T*>(buffer);
    for (int64_t done = 0; done < n;) {
      const int64_t column = (index + done) % row.extent, length = std::min(row.extent - column, n - done);
      T* at = reinterpret_cast<T*>(operands_[k].data) + offset(k, index + done);
      if (scatter) {
        for (int64_t i = 0; i < length; ++i) at[i * stride] = to[done + i];
      } else if (stride == 1) {
        std::memcpy(to + done, at, static_cast<size_t>(length) * sizeof(T));
      } else {
        for (int64_t i = 0; i < length; ++i) to[done + i] = at[i * stride];
      }
      done += length;
    }
  });
}

std::byte* StridedLoop::fetch(size_t k, int64_t index, int64_t n, Cursor& cursor) const {
  if (cursor.access == Access::kGather) {
    copy(k, index, n, cursor.buffer, false);
    return cursor.buffer;
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

void StridedLoop::run(int64_t begin, int64_t end, const Piece& piece) const {
  std::array<Cursor, kMaxOperands> cursors;
  bool all_direct = true;
  for (size_t k = 0; k < operand_count_; ++k) {
    const int64_t stride = axes_.back().strides[k];
    const bool one_row = whole_rows_ || axes_.size() == 1;
    cursors[k].access = is_linear(k) || (one_row && stride == 1) ? Access::kDirect
                        : one_row && stride == 0 && k > 0        ? Access::kRepeat
                                                                 : Access::kGather;
    all_direct &= cursors[k].access == Access::kDirect;
  }
  const int64_t row = axes_.back().extent;
  std::byte* pointers[kMaxOperands] = {};
  for (int64_t i = begin; i < end;) {
    int64_t n = end - i;
    if (whole_rows_) n = std::min(n, row - i % row);
    if (!all_direct) n = std::min(n, kPieceElements);
    for (size_t k = 1; k < operand_count_; ++k) pointers[k] = fetch(k, i, n, cursors[k]);
    const bool scatter = cursors[0].access != Access::kDirect;
    pointers[0] = scatter ? cursors[0].buffer : fetch(0, i, n, cursors[0]);
    piece(pointers, n);
    if (scatter) copy(0, i, n, cursors[0].buffer, true);
    i += n;
  }
}

}  // namespace ow::kernels
