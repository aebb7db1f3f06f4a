// numpy.matmul's shapes: leading axes broadcast, a 1-D operand stands for a row (left) or a column (right).
#pragma once
#include "ops/op/infer.h"
#include "ops/op/run.h"

namespace ow {

// Sets output 0 to the product of inputs `a` and `b`.
Status infer_matmul(InferContext& c, DType dtype, size_t a, size_t b);

struct MatMulShape {
  int64_t batch = 1, m = 1, n = 1, k = 1;
  int64_t a_matrices = 1, b_matrices = 1;  // in memory
  Shape out;
  std::vector<int64_t> a_index, b_index;  // which matrix of A and of B, for each of the batch
};
Result<MatMulShape> matmul_shape(const RunContext& c, const Shape& a, const Shape& b);

}  // namespace ow
