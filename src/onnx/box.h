// Box<T>: an owned, optional T on the heap that copies deeply. Protobuf's singular message fields are boxes,
// because a message may contain its own kind (a graph in an attribute, a type in a type) and because presence
// matters. Like std::unique_ptr, T may be incomplete where the member is declared.
#pragma once
#include <memory>
#include <utility>

namespace ow::onnx {

template <class T>
class Box {
 public:
  Box() = default;
  Box(T value) : item_(std::make_unique<T>(std::move(value))) {}
  Box(const Box& other) : item_(other.item_ ? std::make_unique<T>(*other.item_) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(Box other) noexcept {
    item_ = std::move(other.item_);
    return *this;
  }
  ~Box() = default;

  explicit operator bool() const { return item_ != nullptr; }
  bool has_value() const { return item_ != nullptr; }
  T& operator*() { return *item_; }
  const T& operator*() const { return *item_; }
  T* operator->() { return item_.get(); }
  const T* operator->() const { return item_.get(); }
  T* get() { return item_.get(); }
  const T* get() const { return item_.get(); }
  void reset() { item_.reset(); }
  // A new empty T, in place of what was there.
  T& emplace() { return *(item_ = std::make_unique<T>()); }
  // The T that is there, or a new empty one.
  T& mutable_value() { return item_ ? *item_ : emplace(); }

 private:
  std::unique_ptr<T> item_;
};

}  // namespace ow::onnx
