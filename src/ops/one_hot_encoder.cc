// OneHotEncoder (ai.onnx.ml): one more axis, as long as the list of categories, with 1 at the element's
// category. Numbers are cut to integers first. An element of no category gives zeros, or an error where
// `zeros` is 0.
#include <unordered_map>

#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  bool zeros = true, strings = false;
  int64_t count = 0;
  std::unordered_map<int64_t, int64_t> ints;
  std::unordered_map<std::string, int64_t> texts;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.zeros = a.flag("zeros", true)};
  const ir::Ints ints = a.integers("cats_int64s");
  const ir::Strings texts = a.texts("cats_strings");
  if (ints.empty() == texts.empty()) a.fail("cats_int64s", "and cats_strings: expected one of the two");
  out.strings = !texts.empty();
  out.count = static_cast<int64_t>(ints.size() + texts.size());
  for (size_t i = 0; i < ints.size(); ++i) out.ints[ints[i]] = static_cast<int64_t>(i);
  for (size_t i = 0; i < texts.size(); ++i) out.texts[texts[i]] = static_cast<int64_t>(i);
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  if (c.dtype(0) != DType::kUndefined && (c.dtype(0) == DType::kString) != a.strings)
    return c.error("input is of type ", c.dtype(0), ", but the categories are ",
                   a.strings ? "strings" : "integers");
  std::optional<SymShape> y;
  if (c.shape(0)) {
    y = *c.shape(0);
    y->push_back(a.count);
  }
  c.set(0, DType::kFloat32, std::move(y));
  return {};
}

template <class Items, class Table>
Status encode(const Attrs& a, RunContext& c, const Items& items, const Table& table, float* y) {
  for (const auto& item : items) {
    auto it = table.find(item);
    if (it != table.end())
      y[it->second] = 1;
    else if (!a.zeros)
      return c.error("input has '", item, "', which is in no category (zeros = 0)");
    y += a.count;
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if ((x.dtype() == DType::kString) != a.strings)
    return c.error("input is of type ", x.dtype(), ", but the categories are ",
                   a.strings ? "strings" : "integers");
  Shape shape = x.shape();
  shape.push_back(a.count);
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, shape));
  std::fill(y.mutable_data<float>(), y.mutable_data<float>() + y.count(), 0.0f);
  if (a.strings) return encode(a, c, x.span<std::string>(), a.texts, y.mutable_data<float>());
  const Tensor whole = ONWARD_TRY(convert(x, DType::kInt64, true, Round::kNearest, c.budget()));
  return encode(a, c, whole.span<int64_t>(), a.ints, y.mutable_data<float>());
}

}  // namespace

ONWARD_OPS(one_hot_encoder) {
  return {
      op<Attrs>({.name = "OneHotEncoder", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
