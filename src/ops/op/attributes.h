// AttrReader: typed access to a node's attributes. The first error is kept and returned by `op<>` after
// `read`, so a `read` function is a plain list of fields:  return Attrs{.axis = a.integer("axis", -1)};
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace ow {

class AttrReader {
 public:
  explicit AttrReader(const ir::Node& node) : node_(node) {}

  const ir::Node& node() const { return node_; }
  bool has(std::string_view name) const { return node_.attributes.find(name) != node_.attributes.end(); }

  int64_t integer(std::string_view name, int64_t otherwise) const;
  bool flag(std::string_view name, bool otherwise) const { return integer(name, otherwise) != 0; }
  float real(std::string_view name, float otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  ir::Ints integers(std::string_view name, ir::Ints otherwise = {}) const;
  std::optional<ir::Ints> maybe_integers(std::string_view name) const;
  ir::Floats reals(std::string_view name, ir::Floats otherwise = {}) const;
  ir::Strings texts(std::string_view name, ir::Strings otherwise = {}) const;
  std::optional<Tensor> tensor(std::string_view name) const;
  ir::GraphPtr graph(std::string_view name) const;            // required: an error if absent
  DType dtype(std::string_view name, DType otherwise) const;  // an integer attribute with a DataType code
  // Required ones record an error when absent.
  int64_t required_integer(std::string_view name) const;
  ir::Ints required_integers(std::string_view name) const;
  std::string required_text(std::string_view name) const;

  // Records an error about an attribute's value, e.g. fail("mode", "is 'cubik', expected nearest, linear or
  // cubic").
  void fail(std::string_view attribute, std::string_view problem) const;
  const Status& error() const { return error_; }

 private:
  template <class T>
  const T* get(std::string_view name, const char* expected) const;
  const ir::Node& node_;
  mutable Status error_;
};

}  // namespace ow
