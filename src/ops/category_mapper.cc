// CategoryMapper (ai.onnx.ml): strings to integers or integers to strings, by two parallel lists; what is in
// neither becomes default_int64 or default_string. Of equal keys the last one counts.
#include <unordered_map>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::unordered_map<std::string, int64_t> by_text;
  std::unordered_map<int64_t, std::string> by_number;
  int64_t default_number = -1;
  std::string default_text;
};

Result<Attrs> read(const AttrReader& a) {
  const ir::Ints numbers = a.integers("cats_int64s");
  const ir::Strings texts = a.texts("cats_strings");
  if (numbers.size() != texts.size())
    a.fail("cats_int64s",
           cat("has ", numbers.size(), " elements, expected as many as cats_strings: ", texts.size()));
  Attrs out{.default_number = a.integer("default_int64", -1),
            .default_text = a.text("default_string", "_Unused")};
  for (size_t i = 0; i < std::min(numbers.size(), texts.size()); ++i) {
    out.by_text[texts[i]] = numbers[i];
    out.by_number[numbers[i]] = texts[i];
  }
  return out;
}

DType other(DType t) {
  return t == DType::kString ? DType::kInt64 : t == DType::kInt64 ? DType::kString : DType::kUndefined;
}

Status infer(const Attrs&, InferContext& c) {
  c.set(0, other(c.dtype(0)), c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (other(x.dtype()) == DType::kUndefined)
    return c.error("input is of type ", x.dtype(), ", expected string or int64");
  Tensor y = ONWARD_TRY(c.out(0, other(x.dtype()), x.shape()));
  const auto map = [&](const auto* from, auto* to, const auto& table, const auto& otherwise) {
    for (int64_t i = 0; i < x.count(); ++i) {
      auto it = table.find(from[i]);
      to[i] = it == table.end() ? otherwise : it->second;
    }
  };
  if (x.dtype() == DType::kString)
    map(x.data<std::string>(), y.mutable_data<int64_t>(), a.by_text, a.default_number);
  else
    map(x.data<int64_t>(), y.mutable_data<std::string>(), a.by_number, a.default_text);
  return {};
}

}  // namespace

ONWARD_OPS(category_mapper) {
  return {op<Attrs>(
      {.name = "CategoryMapper", .domain = "ai.onnx.ml", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
