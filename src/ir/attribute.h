// Attribute values of a node, typed as in ONNX.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ir/type.h"
#include "tensor/value.h"

namespace ow::ir {

class Graph;

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Strings = std::vector<std::string>;
using GraphPtr = std::shared_ptr<Graph>;

// monostate: present without a value. A Value holds a tensor or sparse tensor.
using Attribute = std::variant<std::monostate, int64_t, float, std::string, Value, GraphPtr, Type, Ints,
                               Floats, Strings, std::vector<Value>, std::vector<GraphPtr>, std::vector<Type>>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

const char* attribute_kind(const Attribute& a);  // "INT", "FLOATS", ... as in AttributeProto

}  // namespace ow::ir
