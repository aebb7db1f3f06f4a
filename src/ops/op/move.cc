#include "ops/op/move.h"

#include "base/checked.h"
#include "kernels/transpose.h"
#include "tensor/convert.h"

namespace ow {

Result<Units> units_of(RunContext& c, const Tensor& t) {
  if (t.dtype() == DType::kString)
    return Units{const_cast<std::byte*>(t.raw()), int64_t{sizeof(std::string)}, true};
  if (!is_sub_byte(t.dtype())) return Units{const_cast<std::byte*>(t.raw()), bit_width(t.dtype()) / 8, false};
  auto bytes = ONWARD_TRY(c.scratch(t.count()));
  unpack(t.raw(), t.dtype(), t.count(), reinterpret_cast<uint8_t*>(bytes.data()));
  return Units{bytes.data(), 1, false};
}

Result<MoveOutput> move_output(RunContext& c, size_t o, DType dtype, const Shape& shape) {
  MoveOutput out;
  out.tensor = ONWARD_TRY(c.out(o, dtype, shape));
  out.units = ONWARD_TRY(units_of(c, out.tensor));
  return out;
}

void MoveOutput::finish() {
  if (is_sub_byte(tensor.dtype()))
    pack(reinterpret_cast<const uint8_t*>(units.data), tensor.dtype(), tensor.count(), tensor.mutable_raw());
}

namespace {

struct Bits128 {
  uint64_t low, high;
};

// Calls fn with a null pointer to the unit's type.
template <class Fn>
void by_unit(const Units& u, Fn&& fn) {
  if (u.strings) return fn(static_cast<std::string*>(nullptr));
  switch (u.unit_bytes) {
    case 1:
      return fn(static_cast<uint8_t*>(nullptr));
    case 2:
      return fn(static_cast<uint16_t*>(nullptr));
    case 4:
      return fn(static_cast<uint32_t*>(nullptr));
    case 8:
      return fn(static_cast<uint64_t*>(nullptr));
    default:
      return fn(static_cast<Bits128*>(nullptr));
  }
}

struct StridedCopy {
  std::vector<int64_t> dims, dst, src;

  // Extents of 1 go, and neighbours that are contiguous on both sides become one axis.
  void add(int64_t dim, int64_t dst_stride, int64_t src_stride) {
    if (dim == 1) return;
    if (!dims.empty() && dst.back() == dst_stride * dim && src.back() == src_stride * dim) {
      dims.back() *= dim;
      dst.back() = dst_stride;
      src.back() = src_stride;
      return;
    }
    dims.push_back(dim);
    dst.push_back(dst_stride);
    src.push_back(src_stride);
  }
};

template <class T>
void copy_line(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t n) {
  if (to_stride == 1 && from_stride == 1) {
    std::copy(from, from + n, to);
  } else if (to_stride == 1 && from_stride == 0) {
    std::fill(to, to + n, *from);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

}  // namespace

void fill_units(const Units& dst, const Units& src, int64_t n) {
  by_unit(dst, [&]<class T>(T*) {
    std::fill_n(reinterpret_cast<T*>(dst.data), n, *reinterpret_cast<const T*>(src.data));
  });
}

void copy_strided_units(const RunContext& c, const Units& dst, std::span<const int64_t> dst_strides,
                        const Units& src, std::span<const int64_t> src_strides,
                        std::span<const int64_t> dims) {
  StridedCopy plan;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) return;
    plan.add(dims[i], dst_strides[i], src_strides[i]);
  }
  if (plan.dims.empty()) return copy_units(dst, src, 1);
  const auto rank = static_cast<int>(plan.dims.size());
  if (!dst.strings && rank <= kernels::kMaxAxes)
    return kernels::copy_strided(src.data, plan.src.data(), dst.data, plan.dst.data(), plan.dims.data(), rank,
                                 static_cast<int>(dst.unit_bytes), c.threads());
  const int64_t n = plan.dims.back(), dst_line = plan.dst.back(), src_line = plan.src.back();
  plan.dims.pop_back();
  const int64_t lines = checked_product(plan.dims).value_or(0);
  by_unit(dst, [&]<class T>(T*) {
    auto* to = reinterpret_cast<T*>(dst.data);
    auto* from = reinterpret_cast<const T*>(src.data);
    c.parallel_for(lines, std::max<int64_t>(1, 16384 / n), [&](int64_t begin, int64_t end) {
      Odometer at(plan.dims);
      at.seek(begin);
      for (int64_t i = begin; i < end; ++i, at.step())
        copy_line(to + at.dot(plan.dst), dst_line, from + at.dot(plan.src), src_line, n);
    });
  });
}

void gather_units(const RunContext& c, const Units& dst, const Units& src, std::span<const int64_t> offsets,
                  int64_t block) {
  gather_units(c, dst, src, 1, 0, offsets, block);
}

void gather_units(const RunContext& c, const Units& dst, const Units& src, int64_t outer,
                  int64_t outer_stride, std::span<const int64_t> offsets, int64_t block) {
  if (block == 0 || offsets.empty()) return;
  const auto n = static_cast<int64_t>(offsets.size());
  const int64_t grain = std::max<int64_t>(1, 16384 / block);
  // Calls fn(first output block, source, offsets, how many) for parts of one outer index each.
  auto in_parts = [&](const auto& fn) {
    c.parallel_for(outer * n, grain, [&](int64_t begin, int64_t end) {
      while (begin < end) {
        const int64_t first = begin % n, some = std::min(end - begin, n - first);
        fn(begin, src.at(begin / n * outer_stride), offsets.data() + first, some);
        begin += some;
      }
    });
  };
  if (block > 1) {
    in_parts([&](int64_t to, const Units& from, const int64_t* at, int64_t some) {
      for (int64_t i = 0; i < some; ++i) copy_units(dst.at((to + i) * block), from.at(at[i]), block);
    });
    return;
  }
  by_unit(dst, [&]<class T>(T*) {
    auto* to = reinterpret_cast<T*>(dst.data);
    if (n == 1) {
      const auto* from = reinterpret_cast<const T*>(src.data) + offsets[0];
      c.parallel_for(outer, grain, [&](int64_t begin, int64_t end) {
        for (int64_t o = begin; o < end; ++o) to[o] = from[o * outer_stride];
      });
      return;
    }
    in_parts([&](int64_t first, const Units& part, const int64_t* at, int64_t some) {
      const auto* from = reinterpret_cast<const T*>(part.data);
      for (int64_t i = 0; i < some; ++i) to[first + i] = from[at[i]];
    });
  });
}

Result<std::span<int64_t>> read_integers(RunContext& c, size_t i) {
  const Tensor& t = c.in(i);
  auto out = ONWARD_TRY(c.scratch_of<int64_t>(t.count()));
  if (t.dtype() == DType::kInt64)
    std::copy_n(t.data<int64_t>(), t.count(), out.begin());
  else if (t.dtype() == DType::kInt32)
    std::copy_n(t.data<int32_t>(), t.count(), out.begin());
  else
    return c.error("input ", i, " is of type ", t.dtype(), ", expected int32 or int64");
  return out;
}

Result<std::span<int64_t>> read_indices(RunContext& c, size_t i, int64_t n) {
  auto out = ONWARD_TRY(read_integers(c, i));
  for (size_t k = 0; k < out.size(); ++k) {
    auto index = checked_index(out[k], n);
    if (!index)
      return c.error("index ", k, " of input ", i, " is ", out[k], ", expected a value in [", -n, ", ", n,
                     ")");
    out[k] = *index;
  }
  return out;
}

}  // namespace ow
