// CastMap (ai.onnx.ml): the values of a map with integer keys as [1, n], in ascending order of the keys
// (DENSE), or with each value at its key and zeros (or "") between, n = max_map (SPARSE), cast to float,
// int64 or string.
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  DType to = DType::kFloat32;
  bool sparse = false;
  int64_t length = 1;  // sparse
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.length = a.integer("max_map", 1)};
  const std::string to = a.text("cast_to", "TO_FLOAT"), form = a.text("map_form", "DENSE");
  if (to == "TO_STRING")
    out.to = DType::kString;
  else if (to == "TO_INT64")
    out.to = DType::kInt64;
  else if (to != "TO_FLOAT")
    a.fail("cast_to", cat("is '", printable(to), "', expected TO_FLOAT, TO_INT64 or TO_STRING"));
  out.sparse = form == "SPARSE";
  if (!out.sparse && form != "DENSE")
    a.fail("map_form", cat("is '", printable(form), "', expected DENSE or SPARSE"));
  if (out.sparse && out.length < 1) a.fail("max_map", cat("is ", out.length, ", expected at least 1"));
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  c.set(0, a.to, SymShape{1, a.sparse ? Dim(a.length) : Dim::unknown()});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const MapValue* map = c.value(0).map();
  if (!map || map->key_type == DType::kString) return c.error("input is no map with integer keys");
  const int64_t n = a.sparse ? a.length : static_cast<int64_t>(map->items.size());
  Tensor y = ONWARD_TRY(c.out(0, a.to, {1, n}));
  for (int64_t i = 0; i < n; ++i) {
    if (a.to == DType::kString)
      y.mutable_data<std::string>()[i].clear();
    else if (a.to == DType::kFloat32)
      y.mutable_data<float>()[i] = 0;
    else
      y.mutable_data<int64_t>()[i] = 0;
  }
  int64_t next = 0;
  for (const auto& [key, value] : map->items) {
    const int64_t at = a.sparse ? *std::get_if<int64_t>(&key) : next++;
    if (at < 0 || at >= n)
      return c.error("input has key ", at, ", expected 0 to max_map - 1, which is ", n - 1);
    const Tensor* t = value.tensor();
    if (!t || t->count() != 1) return c.error("input has a value that is no single element");
    const Tensor cast = ONWARD_TRY(convert(*t, a.to));
    if (a.to == DType::kString)
      y.mutable_data<std::string>()[at] = *cast.data<std::string>();
    else if (a.to == DType::kFloat32)
      y.mutable_data<float>()[at] = *cast.data<float>();
    else
      y.mutable_data<int64_t>()[at] = *cast.data<int64_t>();
  }
  return {};
}

}  // namespace

ONWARD_OPS(cast_map) {
  return {op<Attrs>({.name = "CastMap", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
