// Moving elements without knowing their type. The elements of a dense tensor are equal units of 1, 2, 4, 8 or
// 16 bytes, or std::string objects; tensors of 2- and 4-bit types are unpacked to one byte an element first
// and packed again when the output is complete. So a data-movement operator is written once, by unit size.
#pragma once
#include <cstring>
#include <span>

#include "ops/op/run.h"

namespace ow {

struct Units {
  std::byte* data = nullptr;
  int64_t unit_bytes = 0;
  bool strings = false;

  Units at(int64_t offset) const { return {data + offset * unit_bytes, unit_bytes, strings}; }
};

// The units of a dense tensor, for reading until the end of the call.
Result<Units> units_of(RunContext& c, const Tensor& t);

// An output that is filled by units; `finish` must be called once all of them are there.
struct MoveOutput {
  Tensor tensor;
  Units units;
  void finish();
};
Result<MoveOutput> move_output(RunContext& c, size_t o, DType dtype, const Shape& shape);

// dst[0..n) = src[0..n).
inline void copy_units(const Units& dst, const Units& src, int64_t n) {
  if (dst.strings) {
    auto from = reinterpret_cast<const std::string*>(src.data);
    std::copy(from, from + n, reinterpret_cast<std::string*>(dst.data));
  } else if (n > 0) {
    std::memcpy(dst.data, src.data, static_cast<size_t>(n * dst.unit_bytes));
  }
}
// dst[0..n) = src[0].
void fill_units(const Units& dst, const Units& src, int64_t n);

// dst[i . dst_strides] = src[i . src_strides] for every i below dims; strides in units, any sign; 0 in
// src_strides repeats. Splits the work over the threads of `c`.
void copy_strided_units(const RunContext& c, const Units& dst, std::span<const int64_t> dst_strides,
                        const Units& src, std::span<const int64_t> src_strides,
                        std::span<const int64_t> dims);

// dst[i] = src[offsets[i]] in blocks of `block` units; offsets in units, all checked by the caller.
void gather_units(const RunContext& c, const Units& dst, const Units& src, std::span<const int64_t> offsets,
                  int64_t block);
// The same from each of `outer` parts of src, `outer_stride` units apart, one after the other in dst.
void gather_units(const RunContext& c, const Units& dst, const Units& src, int64_t outer,
                  int64_t outer_stride, std::span<const int64_t> offsets, int64_t block);

// Contents of an int32 or int64 input of any rank.
Result<std::span<int64_t>> read_integers(RunContext& c, size_t i);
// The same with every index in [-n, n) mapped to [0, n); an error names the first that is outside.
Result<std::span<int64_t>> read_indices(RunContext& c, size_t i, int64_t n);

// Visits all coordinates below `dims` in row-major order.
class Odometer {
 public:
  explicit Odometer(std::span<const int64_t> dims) : dims_(dims.begin(), dims.end()), at_(dims.size(), 0) {}
  int64_t operator[](size_t i) const { return at_[i]; }
  void step() {
    for (size_t i = dims_.size(); i-- > 0;) {
      if (++at_[i] < dims_[i]) return;
      at_[i] = 0;
    }
  }
  void seek(int64_t linear) {
    for (size_t i = dims_.size(); i-- > 0; linear /= std::max<int64_t>(dims_[i], 1))
      at_[i] = dims_[i] ? linear % dims_[i] : 0;
  }
  int64_t dot(std::span<const int64_t> strides) const {
    int64_t sum = 0;
    for (size_t i = 0; i < at_.size(); ++i) sum += at_[i] * strides[i];
    return sum;
  }

 private:
  std::vector<int64_t> dims_, at_;
};

}  // namespace ow
