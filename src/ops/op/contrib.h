// For operators of com.microsoft, which exporters write when they fuse a graph for ONNX Runtime. ONNX has no
// schema for them, so each checks its own arity and states itself as a graph of ONNX operators (`lower`).
#pragma once
#include <initializer_list>
#include <string_view>

#include "ops/op/op.h"

namespace ow {

inline constexpr std::string_view kMicrosoft = "com.microsoft";

// At least the `required` inputs are there, at most `inputs` of them and `outputs` outputs are named.
Status check_arity(const InferContext& c, std::initializer_list<size_t> required, size_t inputs,
                   size_t outputs);

// [batch, sequence, heads * size] as [batch, heads, sequence, size], and back.
Result<ir::Value*> split_heads(Rewriter& c, ir::Value* x, int64_t heads);
Result<ir::Value*> merge_heads(Rewriter& c, ir::Value* x);

// Extents [begin, end) of a value's shape as int64 [end - begin].
Result<ir::Value*> extents(Rewriter& c, ir::Value* x, int64_t begin, int64_t end);

// first + [0, 1, .., count), both int64 scalars.
Result<ir::Value*> range_from(Rewriter& c, ir::Value* first, ir::Value* count);

}  // namespace ow
