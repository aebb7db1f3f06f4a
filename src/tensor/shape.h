// Concrete shapes and strides: short vectors of int64 that live inline up to rank 6.
#pragma once
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/checked.h"
#include "base/text.h"

namespace ow {

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims) { assign(dims); }
  explicit Shape(const std::vector<int64_t>& dims) { assign(dims); }
  explicit Shape(size_t rank, int64_t fill) { resize(rank, fill); }

  size_t rank() const { return size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t* data() { return heap_.empty() ? inline_ : heap_.data(); }
  const int64_t* data() const { return heap_.empty() ? inline_ : heap_.data(); }
  int64_t& operator[](size_t i) { return data()[i]; }
  int64_t operator[](size_t i) const { return data()[i]; }
  int64_t* begin() { return data(); }
  int64_t* end() { return data() + size_; }
  const int64_t* begin() const { return data(); }
  const int64_t* end() const { return data() + size_; }
  int64_t back() const { return data()[size_ - 1]; }
  std::span<const int64_t> dims() const { return {data(), size_}; }

  void push_back(int64_t v) { resize(size_ + 1, v); }
  void resize(size_t rank, int64_t fill = 0) {
    if (rank <= kInline && heap_.empty()) {
      if (rank > size_) std::fill(inline_ + size_, inline_ + rank, fill);
    } else {
      if (heap_.empty()) heap_.assign(inline_, inline_ + size_);
      heap_.resize(rank, fill);
    }
    size_ = rank;
  }

  // Number of elements. For shapes that were validated where they came in (Tensor::allocate and the model
  // importer do); -1 on overflow.
  int64_t count() const { return checked_product(dims()).value_or(-1); }
  // Product of dims [from, to).
  int64_t count(size_t from, size_t to) const {
    return checked_product(dims().subspan(from, to - from)).value_or(-1);
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  static constexpr size_t kInline = 6;
  void assign(std::span<const int64_t> dims) {
    resize(dims.size());
    std::copy(dims.begin(), dims.end(), data());
  }
  size_t size_ = 0;
  int64_t inline_[kInline] = {};
  std::vector<int64_t> heap_;
};

inline void append(std::string& out, const Shape& s) { out += list_text(s.dims()); }

// The stride of the axis around one of this stride and extent; 0 beyond what int64 holds, which only the
// extents of an empty tensor can reach.
int64_t next_stride(int64_t stride, int64_t extent);
// Row-major strides in elements: [H*W, W, 1] for [C,H,W].
Shape dense_strides(const Shape& shape);

// numpy broadcasting of two shapes; nullopt where they do not match.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

}  // namespace ow
