#include "tools/datum.h"

#include <charconv>

#include "tools/command.h"
#include "tools/outputs.h"

namespace onward::tools {

Datum Datum::of(Value tensor) { return {tensor.kind(), std::move(tensor), {}, {}}; }

Datum Datum::sequence(std::vector<Datum> items) {
  Datum d;
  d.kind = ONWARD_SEQUENCE;
  d.items = std::move(items);
  return d;
}

Datum datum_of(const Value& value) {
  if (value.kind() == ONWARD_SEQUENCE) {
    std::vector<Datum> items;
    for (size_t i = 0; i < value.size(); ++i) items.push_back(datum_of(value.at(i)));
    return Datum::sequence(std::move(items));
  }
  if (value.kind() != ONWARD_MAP) return Datum::of(value);
  Datum d;
  d.kind = ONWARD_MAP;
  for (size_t i = 0; i < api().map_count(value.get()); ++i) {
    const char* key = nullptr;
    size_t bytes = 0;
    int64_t number = 0;
    onward_value* item = nullptr;
    detail::check(api().map_at(value.get(), i, &key, &bytes, &number, &item));
    d.key_type = key ? ONWARD_STRING : ONWARD_INT64;
    d.keys.push_back(key ? std::string(key, bytes) : std::to_string(number));
    d.items.push_back(datum_of(Value(item)));
  }
  return d;
}

namespace {

// A map's value, where the library can make one.
template <class Api>
Value make_map(const Api& a, const Datum& d, const std::vector<const onward_value*>& items) {
  if constexpr (requires {
                  a.map_create;
                  a.map_create_strings;
                }) {
    onward_value* made = nullptr;
    if (d.key_type == ONWARD_STRING) {
      std::vector<const char*> keys;
      std::vector<size_t> bytes;
      for (const std::string& key : d.keys) keys.push_back(key.data()), bytes.push_back(key.size());
      detail::check(a.map_create_strings(keys.data(), bytes.data(), items.data(), items.size(), &made));
    } else {
      std::vector<int64_t> keys(d.keys.size());
      for (size_t i = 0; i < keys.size(); ++i) {
        const std::string& key = d.keys[i];
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), keys[i]);
        if (error != std::errc() || end != key.data() + key.size())
          throw UsageError("map key '" + key + "': expected an integer");
      }
      detail::check(a.map_create(d.key_type, keys.data(), items.data(), items.size(), &made));
    }
    return Value(made);
  } else {
    throw UsageError("this build cannot make a map as an input");
  }
}

}  // namespace

Value value_of(const Datum& d) {
  if (d.kind != ONWARD_SEQUENCE && d.kind != ONWARD_MAP) return d.tensor;
  std::vector<Value> values;
  std::vector<const onward_value*> items;
  for (const Datum& item : d.items) values.push_back(value_of(item));
  for (const Value& v : values) items.push_back(v.get());
  if (d.kind == ONWARD_MAP) return make_map(api(), d, items);
  onward_value* made = nullptr;
  detail::check(api().sequence_create(items.data(), items.size(), &made));
  return Value(made);
}

std::string datum_text(const Datum& d) {
  switch (d.kind) {
    case ONWARD_TENSOR: {
      std::string text = std::string(type_name(d.tensor.dtype())) + "[";
      for (size_t i = 0; i < d.tensor.shape().size(); ++i)
        text += (i ? "," : "") + std::to_string(d.tensor.shape()[i]);
      return text + "]";
    }
    case ONWARD_SEQUENCE:
    case ONWARD_MAP: {
      const std::string what = d.kind == ONWARD_MAP ? "a map of " : "a sequence of ";
      const std::string first = d.items.empty() ? "" : " (first: " + datum_text(d.items[0]) + ")";
      return what + std::to_string(d.items.size()) + first;
    }
    case ONWARD_SPARSE_TENSOR:
      return "a sparse tensor";
    default:
      return "nothing";
  }
}

}  // namespace onward::tools
