// DictVectorizer (ai.onnx.ml): [1, n], the map's value for each of the n entries of the vocabulary, and 0 (or
// "") where the map has none. A key of the map that is in no vocabulary is ignored.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  ir::Ints ints;
  ir::Strings texts;
  int64_t count() const { return static_cast<int64_t>(ints.size() + texts.size()); }
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.ints = a.integers("int64_vocabulary"), .texts = a.texts("string_vocabulary")};
  if (out.ints.empty() == out.texts.empty())
    a.fail("int64_vocabulary", "and string_vocabulary: expected one of the two");
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  const ir::Type& x = c.type(0);
  if (x.kind == ir::Type::Kind::kMap && (x.dtype == DType::kString) != a.ints.empty())
    return c.error("input is ", x, ", but the vocabulary holds ", a.ints.empty() ? "strings" : "integers");
  // Without the map's type the output's is unknown, too.
  if (x.kind == ir::Type::Kind::kMap && x.element) c.set(0, x.element->dtype, SymShape{1, a.count()});
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const MapValue* map = c.value(0).map();
  if (!map || (map->key_type == DType::kString) != a.ints.empty())
    return c.error("input is no map whose keys are ", a.ints.empty() ? "strings" : "integers");
  const ir::Value* y = c.node().output(0);
  DType type = y ? y->type().dtype : DType::kUndefined;
  if (type == DType::kUndefined)
    type = map->items.empty() || !map->items.begin()->second.tensor()
               ? DType::kFloat32
               : map->items.begin()->second.tensor()->dtype();
  auto out = ONWARD_TRY(move_output(c, 0, type, {1, a.count()}));
  for (int64_t i = 0; i < a.count(); ++i) {
    const auto at = static_cast<size_t>(i);
    auto item = a.ints.empty() ? map->items.find(a.texts[at]) : map->items.find(a.ints[at]);
    if (item == map->items.end()) {
      if (out.units.strings)
        reinterpret_cast<std::string*>(out.units.data)[i].clear();
      else
        std::memset(out.units.at(i).data, 0, static_cast<size_t>(out.units.unit_bytes));
      continue;
    }
    const Tensor* t = item->second.tensor();
    if (!t || t->count() != 1 || t->dtype() != type)
      return c.error("input has a value that is no single element of type ", type);
    copy_units(out.units.at(i), ONWARD_TRY(units_of(c, *t)), 1);
  }
  out.finish();
  return {};
}

}  // namespace

ONWARD_OPS(dict_vectorizer) {
  return {op<Attrs>(
      {.name = "DictVectorizer", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
