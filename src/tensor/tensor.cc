#include "tensor/tensor.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "base/out_of_memory.h"
#include "tensor/memory_reuse.h"
#include "tensor/memory_source.h"

namespace ow {
namespace {

constexpr size_t kLargePage = 2 << 20, kLargeStep = 64 << 10;  // large buffers are of so many bytes each
constinit thread_local MemoryReuse* t_reuse = nullptr;

void release_large(std::byte* p) noexcept { ::operator delete (p, std::align_val_t{kLargePage}); }

// A large block comes page by page as it is touched, which takes a good part of the time to fill it; so it is
// asked for in large pages. Only advice: nothing depends on it.
void prefer_large_pages([[maybe_unused]] void* data, [[maybe_unused]] size_t bytes) {
#if defined(__linux__)
  constexpr size_t kPage = 4096;
  if (bytes < kLargePage) return;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + kPage - 1) / kPage * kPage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / kPage * kPage;
  (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

Result<Buffer> allocate_from(const MemorySource& source, int64_t bytes, size_t rounded,
                             const std::shared_ptr<Budget>& budget) {
  void* data = source.allocate(source.user, rounded, 64);
  const bool aligned = reinterpret_cast<uintptr_t>(data) % 64 == 0;
  if (data && !aligned) source.release(source.user, data, rounded);
  if (!data || !aligned) {
    budget->release(bytes);
    if (data) return invalid_argument("the allocator returned memory at no multiple of 64 bytes");
    throw OutOfMemory(bytes);
  }
  return Buffer(static_cast<std::byte*>(data), [budget, bytes, rounded](std::byte* p) {
    const MemorySource* from = memory_source(budget);
    from->release(from->user, p, rounded);
    budget->release(bytes);
  });
}

}  // namespace

MemoryReuse::MemoryReuse() : outer_(t_reuse) { t_reuse = this; }

MemoryReuse::~MemoryReuse() {
  t_reuse = outer_;
  for (const Block& b : blocks_)
    if (b.memory) release_large(b.memory);
}

std::byte* MemoryReuse::take(size_t& bytes) {
  if (!t_reuse) return nullptr;
  for (Block& b : t_reuse->blocks_) {
    if (!b.memory || b.bytes < bytes || b.bytes - bytes > bytes / 3) continue;
    bytes = b.bytes;
    return std::exchange(b.memory, nullptr);
  }
  return nullptr;
}

// The oldest goes where there is no place left.
bool MemoryReuse::keep(std::byte* memory, size_t bytes) noexcept {
  if (!t_reuse) return false;
  auto& blocks = t_reuse->blocks_;
  if (Block& oldest = blocks.back(); oldest.memory) release_large(oldest.memory);
  std::move_backward(blocks.begin(), blocks.end() - 1, blocks.end());
  blocks.front() = {memory, bytes};
  return true;
}

Result<Buffer> allocate_buffer(int64_t bytes, const std::shared_ptr<Budget>& budget) {
  if (bytes < 0) return invalid_argument("a buffer of ", bytes, " bytes");
  if (budget) ONWARD_TRY(budget->acquire(bytes));
  // Where an address has 32 bits there are sizes that are none.
  if (static_cast<uint64_t>(bytes) > std::numeric_limits<size_t>::max() - 2 * kLargeStep) {
    if (budget) budget->release(bytes);
    throw OutOfMemory(bytes);
  }
  // Whole vectors may be read at the end of a buffer, so its size is rounded up.
  size_t rounded = (static_cast<size_t>(bytes) + 63) / 64 * 64 + 64;
  if (const MemorySource* source = memory_source(budget))
    return allocate_from(*source, bytes, rounded, budget);
  if (rounded >= kLargePage) rounded = (rounded + kLargeStep - 1) / kLargeStep * kLargeStep;
  const std::align_val_t alignment{rounded < kLargePage ? 64 : kLargePage};
  std::byte* data = rounded < kLargePage ? nullptr : MemoryReuse::take(rounded);
  const bool is_new = !data;
  if (is_new) data = static_cast<std::byte*>(::operator new(rounded, alignment, std::nothrow));
  if (!data) {
    if (budget) budget->release(bytes);
    throw OutOfMemory(bytes);
  }
  if (is_new) prefer_large_pages(data, rounded);
  return Buffer(data, [budget, bytes, rounded, alignment](std::byte* p) {
    if (rounded < kLargePage || !MemoryReuse::keep(p, rounded)) ::operator delete(p, alignment);
    if (budget) budget->release(bytes);
  });
}

Result<Tensor> Tensor::allocate(DType dtype, const Shape& shape, const std::shared_ptr<Budget>& budget) {
  auto count = checked_product(shape.dims());
  auto bytes = count ? storage_bytes(dtype, *count) : std::nullopt;
  if (!bytes || !is_valid(dtype))
    return invalid_argument("a tensor of type ", dtype, " and shape ", shape, " has no valid size");
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  t.strides_ = dense_strides(shape);
  t.count_ = *count;
  if (dtype == DType::kString) {
    if (budget) ONWARD_TRY(budget->acquire(*bytes));
    auto* strings = new (std::nothrow) std::string[static_cast<size_t>(*count) + 1];
    if (!strings) {
      if (budget) budget->release(*bytes);
      throw OutOfMemory(*bytes);
    }
    t.data_ = reinterpret_cast<std::byte*>(strings);
    t.owner_ = std::shared_ptr<const void>(strings, [budget, n = *bytes](std::string* p) {
      delete[] p;
      if (budget) budget->release(n);
    });
  } else {
    Buffer buffer = ONWARD_TRY(allocate_buffer(*bytes, budget));
    t.data_ = buffer.get();
    t.owner_ = std::move(buffer);
  }
  return t;
}

Tensor Tensor::borrow(DType dtype, const Shape& shape, const void* data, std::shared_ptr<const void> owner) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  t.strides_ = dense_strides(shape);
  t.count_ = shape.count();
  t.data_ = const_cast<std::byte*>(static_cast<const std::byte*>(data));
  t.owner_ = std::move(owner);
  return t;
}

bool Tensor::is_dense() const {
  if (count_ <= 1) return true;
  int64_t expected = 1;
  for (size_t i = rank(); i-- > 0;) {
    if (shape_[i] != 1 && strides_[i] != expected) return false;
    expected *= shape_[i];
  }
  return true;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  ONWARD_DCHECK(is_dense() && shape.count() == count_);
  Tensor t = *this;
  t.shape_ = shape;
  t.strides_ = dense_strides(shape);
  return t;
}

Tensor Tensor::strided(const Shape& shape, const Shape& strides, int64_t offset_elements) const {
  Tensor t = *this;
  t.shape_ = shape;
  t.strides_ = strides;
  t.count_ = shape.count();
  int bits = dtype_ == DType::kString ? int{sizeof(std::string)} * 8 : bit_width(dtype_);
  t.data_ += offset_elements * bits / 8;
  return t;
}

Result<Tensor> Tensor::owned(const std::shared_ptr<Budget>& budget) const {
  if (!has_value() || (is_owned() && is_dense())) return *this;
  Tensor t = ONWARD_TRY(allocate(dtype_, shape_, budget));
  copy_elements(*this, t);
  return t;
}

namespace {

template <class T>
void copy_strided(const T* from, const Shape& from_strides, T* to, const Shape& to_strides,
                  const Shape& shape, size_t axis) {
  const int64_t n = shape[axis], fs = from_strides[axis], ts = to_strides[axis];
  if (axis + 1 == shape.rank()) {
    if (fs == 1 && ts == 1) {
      std::copy(from, from + n, to);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i * ts] = from[i * fs];
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i)
    copy_strided(from + i * fs, from_strides, to + i * ts, to_strides, shape, axis + 1);
}

struct Bits128 {
  uint64_t low, high;
};

template <class T>
void copy_as(const Tensor& from, Tensor& to) {
  copy_strided(reinterpret_cast<const T*>(from.raw()), from.strides(), reinterpret_cast<T*>(to.mutable_raw()),
               to.strides(), from.shape(), 0);
}

}  // namespace

void copy_elements(const Tensor& from, Tensor& to) {
  ONWARD_DCHECK(from.dtype() == to.dtype() && from.shape() == to.shape());
  if (from.count() == 0) return;
  const bool strings = from.dtype() == DType::kString;
  if (!strings && from.is_dense() && to.is_dense()) {
    std::memmove(to.mutable_raw(), from.raw(), static_cast<size_t>(from.bytes()));
    return;
  }
  if (from.rank() == 0) {  // one string
    to.mutable_data<std::string>()[0] = from.data<std::string>()[0];
    return;
  }
  if (strings) return copy_as<std::string>(from, to);
  switch (bit_width(from.dtype())) {
    case 8:
      return copy_as<uint8_t>(from, to);
    case 16:
      return copy_as<uint16_t>(from, to);
    case 32:
      return copy_as<uint32_t>(from, to);
    case 64:
      return copy_as<uint64_t>(from, to);
    case 128:
      return copy_as<Bits128>(from, to);
    default:
      ONWARD_CHECK(from.is_dense() && to.is_dense());
  }
}

}  // namespace ow
