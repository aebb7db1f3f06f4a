// Visits every message of one kind anywhere inside another, at any depth: all tensors of a model, say.
#pragma once
#include <type_traits>

#include "base/status.h"
#include "onnx/data_model.h"

namespace ow::onnx {

template <class Wanted, class F>
class Walker {
 public:
  explicit Walker(F& visit) : visit_(visit) {}

  template <class M>
  Status message(M& m) {
    std::remove_const_t<M>::fields(m, *this);
    return std::move(status_);
  }

  template <class T>
  void field(uint32_t, std::string_view name, T& member) {
    go(name, member);
  }
  template <class T>
  void packed(uint32_t, std::string_view, T&) {}
  template <class T>
  void one_of(uint32_t, std::string_view name, T& member) {
    go(name, member);
  }

 private:
  template <class T>
  static constexpr bool kIsLeaf = std::is_arithmetic_v<T> || std::is_same_v<T, Text>;

  template <class M>
  void one(std::string_view name, M& m) {
    if (!status_.ok()) return;
    if constexpr (std::is_same_v<std::remove_const_t<M>, Wanted>) status_ = visit_(m, name);
    if (status_.ok()) std::remove_const_t<M>::fields(m, *this);
  }
  template <class T>
  void go(std::string_view, const std::optional<T>&) {}
  template <class T>
  void go(std::string_view name, Box<T>& member) {
    if (member) one(name, *member);
  }
  template <class T>
  void go(std::string_view name, const Box<T>& member) {
    if (member) one(name, *member);
  }
  template <class T>
  void go(std::string_view name, std::vector<T>& member) {
    if constexpr (!kIsLeaf<T>)
      for (T& item : member) one(name, item);
  }
  template <class T>
  void go(std::string_view name, const std::vector<T>& member) {
    if constexpr (!kIsLeaf<T>)
      for (const T& item : member) one(name, item);
  }

  F& visit_;
  Status status_;
};

// Calls `visit(Wanted&, field name) -> Status` for each Wanted inside `m` (not for `m` itself), outer ones
// first; stops at the first error and returns it. `m` may be const, and then so is what `visit` gets.
template <class Wanted, class M, class F>
Status for_each(M& m, F visit) {
  Walker<Wanted, F> walker(visit);
  return walker.message(m);
}

}  // namespace ow::onnx
