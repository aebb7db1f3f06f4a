// Tensor: an element type, a shape, strides, and memory that it may own, share or only borrow.
//
// Copying a Tensor copies the handle, not the data. A borrowed tensor (the arena of a run, a mapped file, a
// caller's buffer) is valid as long as what it was borrowed from; `owned()` makes one that stands alone.
// Strides are in elements. Sub-byte tensors are always dense.
#pragma once
#include <memory>
#include <span>
#include <string>

#include "base/budget.h"
#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace ow {

// Reference-counted memory, 64-byte aligned; accounted to a Budget while it lives when one is given.
using Buffer = std::shared_ptr<std::byte>;
Result<Buffer> allocate_buffer(int64_t bytes, const std::shared_ptr<Budget>& budget = nullptr);

class Tensor {
 public:
  Tensor() = default;

  // Uninitialised memory (strings: empty). Errors: InvalidArgument (a negative extent or a size that
  // overflows), LimitExceeded, OutOfMemory.
  static Result<Tensor> allocate(DType dtype, const Shape& shape,
                                 const std::shared_ptr<Budget>& budget = nullptr);
  // Borrows `data`; `owner` (may be null) is kept alive. `data` must hold storage_bytes(dtype, count) bytes.
  static Tensor borrow(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner);
  template <class T>
  static Tensor of(const Shape& shape, std::span<const T> values);
  template <class T>
  static Tensor scalar(const T& value) {
    return of<T>({}, std::span<const T>(&value, 1));
  }

  bool has_value() const { return dtype_ != DType::kUndefined; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const Shape& strides() const { return strides_; }
  size_t rank() const { return shape_.rank(); }
  int64_t dim(size_t i) const { return shape_[i]; }
  int64_t count() const { return count_; }
  int64_t bytes() const { return storage_bytes(dtype_, count_).value_or(0); }  // when dense
  bool is_dense() const;                                                       // row-major without gaps
  bool is_owned() const { return owner_ != nullptr; }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  const std::byte* raw() const { return data_; }
  std::byte* mutable_raw() { return data_; }
  template <class T>
  const T* data() const {
    ONWARD_DCHECK(dtype_of<T> == dtype_);
    return reinterpret_cast<const T*>(data_);
  }
  template <class T>
  T* mutable_data() {
    ONWARD_DCHECK(dtype_of<T> == dtype_);
    return reinterpret_cast<T*>(data_);
  }
  // All elements of a dense tensor.
  template <class T>
  std::span<const T> span() const {
    return {data<T>(), static_cast<size_t>(count_)};
  }
  template <class T>
  std::span<T> mutable_span() {
    return {mutable_data<T>(), static_cast<size_t>(count_)};
  }

  // The same memory under another shape of equal count; this tensor must be dense.
  Tensor reshaped(const Shape& shape) const;
  // The same memory under other dims and strides.
  Tensor strided(const Shape& shape, const Shape& strides, int64_t offset_elements = 0) const;
  // A dense copy that owns its memory; `*this` itself when it already is one.
  Result<Tensor> owned(const std::shared_ptr<Budget>& budget = nullptr) const;

 private:
  DType dtype_ = DType::kUndefined;
  Shape shape_, strides_;
  int64_t count_ = 0;
  std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// Copies elements between tensors of one dtype and shape, whatever their strides. Not for sub-byte types
// unless both are dense.
void copy_elements(const Tensor& from, Tensor& to);

template <class T>
Tensor Tensor::of(const Shape& shape, std::span<const T> values) {
  auto t = allocate(dtype_of<T>, shape);
  ONWARD_CHECK(t.ok() && t->count() == static_cast<int64_t>(values.size()));
  std::copy(values.begin(), values.end(), t->template mutable_data<T>());
  return *std::move(t);
}

}  // namespace ow
