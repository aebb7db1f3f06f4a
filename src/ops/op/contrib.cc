#include "ops/op/contrib.h"

namespace ow {

Status check_arity(const InferContext& c, std::initializer_list<size_t> required, size_t inputs,
                   size_t outputs) {
  for (size_t i : required)
    if (!c.has(i)) return c.error("input ", i, " is missing");
  if (c.inputs() > inputs) return c.error("has ", c.inputs(), " inputs, expected at most ", inputs);
  if (c.outputs() < 1 || c.outputs() > outputs)
    return c.error("has ", c.outputs(), " outputs, expected 1 to ", outputs);
  return {};
}

Result<ir::Value*> split_heads(Rewriter& c, ir::Value* x, int64_t heads) {
  ir::Value* split = ONWARD_TRY(c.add("Reshape", {x, c.ints({0, 0, heads, -1})}));
  return c.add("Transpose", {split}, {{"perm", ir::Ints{0, 2, 1, 3}}});
}

Result<ir::Value*> merge_heads(Rewriter& c, ir::Value* x) {
  ir::Value* swapped = ONWARD_TRY(c.add("Transpose", {x}, {{"perm", ir::Ints{0, 2, 1, 3}}}));
  return c.add("Reshape", {swapped, c.ints({0, 0, -1})});
}

Result<ir::Value*> extents(Rewriter& c, ir::Value* x, int64_t begin, int64_t end) {
  return c.add("Shape", {x}, {{"start", begin}, {"end", end}});
}

Result<ir::Value*> range_from(Rewriter& c, ir::Value* first, ir::Value* count) {
  ir::Value* end = ONWARD_TRY(c.add("Add", {first, count}));
  return c.add("Range", {first, end, c.int_scalar(1)});
}

}  // namespace ow
