// The type of an input or output as text ("seq(float[N,3])"), taken apart.
#pragma once
#include <memory>
#include <string>

#include "onward/onward.hpp"

namespace onward::tools {

struct ValueType {
  onward_kind kind = ONWARD_TENSOR;
  bool optional = false;                     // then `element` is what it may hold, and `kind` that one's kind
  onward_dtype dtype = ONWARD_UNDEFINED;     // of a tensor; the key of a map
  std::shared_ptr<const ValueType> element;  // of a sequence, an optional or a map
  std::string text;
};

ValueType parse_type(const std::string& text);

// An input of that type, as read_value wants it.
ValueInfo port_of(const ValueType& type, const std::string& name);

}  // namespace onward::tools
