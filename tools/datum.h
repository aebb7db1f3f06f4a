// A value as files and other programs hold it: a tensor, or a list or a map of such values, or nothing.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "onward/onward.hpp"

namespace onward::tools {

struct Datum {
  onward_kind kind = ONWARD_NOTHING;
  Value tensor;
  std::vector<Datum> items;       // of a sequence, or the values of a map
  std::vector<std::string> keys;  // of a map, ascending as the library has them
  onward_dtype key_type = ONWARD_UNDEFINED;

  static Datum of(Value tensor);
  static Datum sequence(std::vector<Datum> items);
};

Datum datum_of(const Value& value);

// Throws UsageError for what no model takes as an input (a map with repeated keys or without a key type).
Value value_of(const Datum& datum);

// "float32[2,3]", "a sequence of 2 (first: float32[3])", "nothing".
std::string datum_text(const Datum& datum);

}  // namespace onward::tools
