// Both copies become a list of axes (extent, source stride, destination stride). Neighbours that are one axis
// in both layouts are merged, and a short contiguous run becomes a larger element. What is left is one of:
//   rows      the innermost axis is contiguous on both sides: one memory copy per row
//   planes    one axis is contiguous in the source, another in the destination: 2-D transposes in blocks
//   strided   an element at a time
#include "kernels/transpose.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/square.h"
#include "kernels/transpose_table.h"

namespace ow::kernels {
namespace {

// A block of a plane, in elements: long where the rows that lie far apart are walked along, because the
// processor fetches ahead of a walk, and the rows of large planes often share one set of the cache.
constexpr int64_t kBlock = 32, kLongBlock = 256;
constexpr int64_t kGrainBytes = 128 * 1024;  // of one thread's piece

struct Axis {
  int64_t extent, src, dst;  // strides in bytes
};

struct Layout {
  Axis axis[kMaxAxes];  // from the largest to the smallest destination stride
  int rank = 0;
  int64_t elem_bytes;
  bool empty = false;
};

void add_axis(Layout& layout, Axis axis) {
  if (axis.extent == 0) layout.empty = true;
  if (axis.extent != 1) layout.axis[layout.rank++] = axis;
}

void merge(Layout& layout) {
  std::stable_sort(layout.axis, layout.axis + layout.rank,
                   [](const Axis& a, const Axis& b) { return std::abs(a.dst) > std::abs(b.dst); });
  int last = 0;
  for (int i = 1; i < layout.rank; ++i) {
    Axis& outer = layout.axis[last];
    const Axis inner = layout.axis[i];
    if (outer.src == inner.src * inner.extent && outer.dst == inner.dst * inner.extent) {
      outer = {outer.extent * inner.extent, inner.src, inner.dst};
    } else {
      layout.axis[++last] = inner;
    }
  }
  if (layout.rank > 0) layout.rank = last + 1;
  if (layout.rank < 2) return;
  const Axis& run = layout.axis[layout.rank - 1];
  const int64_t bytes = run.extent * layout.elem_bytes;
  const bool contiguous = run.src == layout.elem_bytes && run.dst == layout.elem_bytes;
  if (contiguous && (bytes == 2 || bytes == 4 || bytes == 8 || bytes == 16)) {
    layout.elem_bytes = bytes;
    --layout.rank;
  }
}

// Walks the axes below `rank` in order, from a flat position on.
class Odometer {
 public:
  Odometer(const Axis* axes, int rank, int64_t position) : axes_(axes), rank_(rank) {
    for (int i = rank - 1; i >= 0; --i) {
      index_[i] = position % axes[i].extent;
      position /= axes[i].extent;
      src += index_[i] * axes[i].src;
      dst += index_[i] * axes[i].dst;
    }
  }
  void next() {
    for (int i = rank_ - 1; i >= 0; --i) {
      src += axes_[i].src;
      dst += axes_[i].dst;
      if (++index_[i] < axes_[i].extent) return;
      src -= axes_[i].extent * axes_[i].src;
      dst -= axes_[i].extent * axes_[i].dst;
      index_[i] = 0;
    }
  }
  int64_t src = 0, dst = 0;  // offsets in bytes

 private:
  const Axis* axes_;
  int rank_;
  int64_t index_[kMaxAxes];
};

int64_t volume(const Axis* axes, int rank) {
  int64_t n = 1;
  for (int i = 0; i < rank; ++i) n *= axes[i].extent;
  return n;
}

template <class T>
void move(char* dst, const char* src) {
  std::memcpy(dst, src, sizeof(T));
}

template <int kBytes>
struct Bytes {
  char data[kBytes];
};

// dst[s][d] = src[d][s]; s is contiguous in the source, d in the destination.
template <class T>
void transpose_block(const char* src, int64_t src_step, char* dst, int64_t dst_step, int64_t s_count,
                     int64_t d_count) {
  for (int64_t s = 0; s < s_count; ++s)
    for (int64_t d = 0; d < d_count; ++d)
      move<T>(dst + s * dst_step + d * int64_t{sizeof(T)}, src + d * src_step + s * int64_t{sizeof(T)});
}

typedef uint32_t Four __attribute__((vector_size(16)));
Four load4(const char* p) {
  Four v;
  std::memcpy(&v, p, 16);
  return v;
}

// The first `count` of 4 elements: copies of a size that is known are moves.
void copy_some(void* to, const void* from, int64_t count) {
  if (count >= 4)
    std::memcpy(to, from, 16);
  else if (count == 3)
    std::memcpy(to, from, 12);
  else if (count == 2)
    std::memcpy(to, from, 8);
  else
    std::memcpy(to, from, 4);
}

// Two or three planes, whose elements lie side by side in the destination. Writes past the columns that it
// returns, but into the next one at most, which must exist and come later.
template <int kPlanes>
int64_t interleave(const char* src, int64_t src_step, char* dst, int64_t s_count) {
  int64_t s = 0;
  for (; s + 4 < s_count; s += 4) {
    Four rows[4] = {};
    for (int i = 0; i < kPlanes; ++i) rows[i] = load4(src + i * src_step + s * 4);
    transpose_4x4(rows);
    for (int i = 0; i < 4; ++i) std::memcpy(dst + (s + i) * kPlanes * 4, &rows[i], 16);
  }
  return s;
}

// Less than a square of the instruction set's on a side, 4 x 4 at a time.
void transpose_edge(const char* src, int64_t src_step, char* dst, int64_t dst_step, int64_t s_count,
                    int64_t d_count) {
  for (int64_t s = 0; s < s_count; s += 4)
    for (int64_t d = 0; d < d_count; d += 4) {
      const char* from = src + d * src_step + s * 4;
      char* to = dst + s * dst_step + d * 4;
      Four rows[4] = {};
      const int64_t s_here = std::min<int64_t>(4, s_count - s), d_here = std::min<int64_t>(4, d_count - d);
      for (int64_t i = 0; i < d_here; ++i) copy_some(&rows[i], from + i * src_step, s_here);
      transpose_4x4(rows);
      for (int64_t i = 0; i < s_here; ++i) copy_some(to + i * dst_step, &rows[i], d_here);
    }
}

// Images of one to three channels have blocks that are narrow on one side.
template <>
void transpose_block<Bytes<4>>(const char* src, int64_t src_step, char* dst, int64_t dst_step,
                               int64_t s_count, int64_t d_count) {
  int64_t s = 0, d = 0;
  if (d_count == 2 && dst_step == 8) s = interleave<2>(src, src_step, dst, s_count);
  if (d_count == 3 && dst_step == 12) s = interleave<3>(src, src_step, dst, s_count);
  const TransposeTable& table = transpose_table(best_isa());
  if (s_count >= table.side && d_count >= table.side) {
    s = s_count / table.side * table.side, d = d_count / table.side * table.side;
    table.squares(src, src_step, dst, dst_step, s, d);
    transpose_edge(src + d * src_step, src_step, dst + d * 4, dst_step, s, d_count - d);
  }
  transpose_edge(src + s * 4, src_step, dst + s * dst_step, dst_step, s_count - s, d_count);
}

int64_t grain(int64_t bytes_per_item) { return 1 + kGrainBytes / std::max<int64_t>(bytes_per_item, 1); }

void copy_rows(const Layout& l, const char* src, char* dst, int threads) {
  const int outer = l.rank - 1;
  const int64_t bytes = l.axis[outer].extent * l.elem_bytes;
  if (outer == 0) {
    return parallel_for(bytes, kGrainBytes, threads, [&](int64_t begin, int64_t end) {
      std::memcpy(dst + begin, src + begin, static_cast<size_t>(end - begin));
    });
  }
  parallel_for(volume(l.axis, outer), grain(bytes), threads, [&](int64_t begin, int64_t end) {
    Odometer at(l.axis, outer, begin);
    for (int64_t i = begin; i < end; ++i, at.next())
      std::memcpy(dst + at.dst, src + at.src, static_cast<size_t>(bytes));
  });
}

template <class T>
void copy_planes(const Layout& l, int source_axis, const char* src, char* dst, int threads) {
  const Axis s = l.axis[source_axis], d = l.axis[l.rank - 1];
  Axis outer[kMaxAxes];  // of rank - 2 axes, and the blocks of two
  int rank = 0;
  for (int i = 0; i + 1 < l.rank; ++i)
    if (i != source_axis) outer[rank++] = l.axis[i];
  // The last walked axes count blocks; they are longer where the other side is short.
  const bool far_source = std::abs(d.src) >= std::abs(s.dst);
  const auto block_of = [](bool walked, int64_t other) {
    return std::max(walked ? kLongBlock : kBlock, kBlock * kBlock / std::max<int64_t>(other, 1));
  };
  const int64_t s_block = block_of(far_source, d.extent), d_block = block_of(!far_source, s.extent);
  const int64_t s_blocks = ceil_div(s.extent, s_block), d_blocks = ceil_div(d.extent, d_block);
  outer[rank++] = {s_blocks, s_block * s.src, s_block * s.dst};
  outer[rank++] = {d_blocks, d_block * d.src, d_block * d.dst};
  const int64_t bytes = std::min(s.extent, s_block) * std::min(d.extent, d_block) * int64_t{sizeof(T)};
  parallel_for(volume(outer, rank), grain(bytes), threads, [&](int64_t begin, int64_t end) {
    Odometer at(outer, rank, begin);
    for (int64_t i = begin; i < end; ++i, at.next()) {
      const int64_t s_first = i / d_blocks % s_blocks * s_block, d_first = i % d_blocks * d_block;
      transpose_block<T>(src + at.src, d.src, dst + at.dst, s.dst, std::min(s_block, s.extent - s_first),
                         std::min(d_block, d.extent - d_first));
    }
  });
}

// n elements: to[j * to_step] = from[j * from_step], in bytes.
template <class T>
void move_line(char* to, int64_t to_step, const char* from, int64_t from_step, int64_t n) {
  int64_t j = 0;
  if constexpr (sizeof(T) == 4)
    if (to_step == 4 && from_step == 8) {  // every second one
      for (; j + 4 < n; j += 4) {          // nothing is read past the last element
        const Four some = __builtin_shufflevector(load4(from + 8 * j), load4(from + 8 * j + 16), 0, 2, 4, 6);
        std::memcpy(to + 4 * j, &some, 16);
      }
    }
  for (; j < n; ++j) move<T>(to + j * to_step, from + j * from_step);
}

template <class MoveLine>
void copy_lines(const Layout& l, const char* src, char* dst, int threads, MoveLine move_line) {
  const int outer = std::max(l.rank - 1, 0);
  const Axis inner = l.rank > 0 ? l.axis[outer] : Axis{1, 0, 0};
  parallel_for(volume(l.axis, outer), grain(inner.extent * l.elem_bytes), threads,
               [&](int64_t begin, int64_t end) {
                 Odometer at(l.axis, outer, begin);
                 for (int64_t i = begin; i < end; ++i, at.next())
                   move_line(dst + at.dst, inner.dst, src + at.src, inner.src, inner.extent);
               });
}

template <class T>
void copy_typed(const Layout& l, const char* src, char* dst, int threads) {
  constexpr int64_t size = sizeof(T);
  if (l.rank > 1 && l.axis[l.rank - 1].dst == size)
    for (int i = 0; i + 1 < l.rank; ++i)
      if (l.axis[i].src == size) return copy_planes<T>(l, i, src, dst, threads);
  copy_lines(l, src, dst, threads, move_line<T>);
}

void copy(Layout& l, const char* src, char* dst, int threads) {
  if (l.empty) return;
  merge(l);
  const int last = l.rank - 1;
  if (l.rank > 0 && l.axis[last].src == l.elem_bytes && l.axis[last].dst == l.elem_bytes)
    return copy_rows(l, src, dst, threads);
  switch (l.elem_bytes) {
    case 1:
      return copy_typed<Bytes<1>>(l, src, dst, threads);
    case 2:
      return copy_typed<Bytes<2>>(l, src, dst, threads);
    case 4:
      return copy_typed<Bytes<4>>(l, src, dst, threads);
    case 8:
      return copy_typed<Bytes<8>>(l, src, dst, threads);
    case 16:
      return copy_typed<Bytes<16>>(l, src, dst, threads);
  }
  const auto any_size = [size = static_cast<size_t>(l.elem_bytes)](
                            char* to, int64_t to_step, const char* from, int64_t from_step, int64_t n) {
    for (int64_t j = 0; j < n; ++j) std::memcpy(to + j * to_step, from + j * from_step, size);
  };
  copy_lines(l, src, dst, threads, any_size);
}

}  // namespace

void permute(const void* src, const int64_t* dims, const int* perm, int rank, int elem_bytes, void* dst,
             int threads) {
  int64_t src_stride[kMaxAxes];
  int64_t stride = elem_bytes;
  for (int i = rank - 1; i >= 0; --i) {
    src_stride[i] = stride;
    stride *= dims[i];
  }
  int64_t dst_stride[kMaxAxes];
  stride = elem_bytes;
  for (int i = rank - 1; i >= 0; --i) {
    dst_stride[i] = stride;
    stride *= dims[perm[i]];
  }
  Layout layout;
  layout.elem_bytes = elem_bytes;
  for (int i = 0; i < rank; ++i) add_axis(layout, {dims[perm[i]], src_stride[perm[i]], dst_stride[i]});
  copy(layout, static_cast<const char*>(src), static_cast<char*>(dst), threads);
}

void copy_strided(const void* src, const int64_t* src_strides, void* dst, const int64_t* dst_strides,
                  const int64_t* dims, int rank, int elem_bytes, int threads) {
  Layout layout;
  layout.elem_bytes = elem_bytes;
  for (int i = 0; i < rank; ++i)
    add_axis(layout, {dims[i], src_strides[i] * elem_bytes, dst_strides[i] * elem_bytes});
  copy(layout, static_cast<const char*>(src), static_cast<char*>(dst), threads);
}

}  // namespace ow::kernels
