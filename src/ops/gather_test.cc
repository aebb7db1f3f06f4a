// Gather and GatherElements of every unit size against plain loops, and indices that are outside.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

Tensor numbers(const Shape& shape, DType dtype) {
  std::vector<float> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>((i * 37 + 11) % 113);
  return *convert(Tensor::of<float>(shape, v), dtype);
}
double value(const Tensor& t, int64_t i) { return convert(t, DType::kFloat64)->data<double>()[i]; }

// Between -n and n - 1.
Tensor indices(const Shape& shape, int64_t n, DType dtype) {
  std::vector<int64_t> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<int64_t>(i * 7919 % (2 * n)) - n;
  return *convert(Tensor::of<int64_t>(shape, v), dtype);
}

Result<Tensor> run(const char* op, const Tensor& x, const Tensor& index, int64_t axis) {
  auto y = evaluate_op(op, {x, index}, 1, {{"axis", axis}});
  if (!y.ok()) return y.take_status();
  return *(*y)[0].tensor();
}

TEST(GatherElements, TakesOneElementPerIndex) {
  for (DType dtype : {DType::kInt8, DType::kFloat16, DType::kFloat32, DType::kFloat64})
    for (DType index_type : {DType::kInt64, DType::kInt32})
      for (int64_t axis : {0, 1, 2}) {
        const Tensor x = numbers({3, 4, 5}, dtype);
        Shape shape{2, 3, 4};
        shape[static_cast<size_t>(axis)] = 7;
        const Tensor index = indices(shape, x.dim(static_cast<size_t>(axis)), index_type);
        auto y = run("GatherElements", x, index, axis);
        ASSERT_TRUE(y.ok()) << y.status().message();
        for (int64_t i = 0; i < y->count(); ++i) {
          int64_t at[3] = {i / shape[2] / shape[1], i / shape[2] % shape[1], i % shape[2]};
          const auto given = static_cast<int64_t>(value(index, i));
          at[axis] = given < 0 ? given + x.dim(static_cast<size_t>(axis)) : given;
          EXPECT_EQ(value(*y, i), value(x, (at[0] * 4 + at[1]) * 5 + at[2])) << "axis " << axis << ", " << i;
        }
      }
}

TEST(Gather, TakesWholeBlocks) {
  for (int64_t axis : {0, 1, 2})
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{2, 3}}) {
      const Tensor x = numbers({3, 4, 5}, DType::kFloat32);
      const auto at = static_cast<size_t>(axis);
      const Tensor index = indices(shape, x.dim(at), DType::kInt64);
      auto y = run("Gather", x, index, axis);
      ASSERT_TRUE(y.ok()) << y.status().message();
      const int64_t inner = x.shape().count(at + 1, 3), n = index.count();
      ASSERT_EQ(y->count(), x.count() / x.dim(at) * n);
      for (int64_t i = 0; i < y->count(); ++i) {
        const auto given = index.data<int64_t>()[i / inner % n];
        const int64_t row = given < 0 ? given + x.dim(at) : given;
        EXPECT_EQ(y->data<float>()[i],
                  x.data<float>()[(i / inner / n * x.dim(at) + row) * inner + i % inner]);
      }
    }
}

TEST(Gather, IndicesOutsideAreRefused) {
  const Tensor x = numbers({3, 4}, DType::kFloat32);
  for (const char* op : {"Gather", "GatherElements"})
    for (int64_t bad : {int64_t{4}, int64_t{-5}, INT64_MAX, INT64_MIN}) {
      const Tensor index = Tensor::of<int64_t>({1, 2}, std::vector<int64_t>{0, bad});
      auto y = run(op, x, index, 1);
      ASSERT_FALSE(y.ok()) << op << " takes the index " << bad;
      EXPECT_NE(y.status().message().find(std::to_string(bad)), std::string::npos) << y.status().message();
    }
  EXPECT_FALSE(
      run("GatherElements", numbers({3, 0}, DType::kFloat32), indices({1, 1}, 1, DType::kInt64), 1).ok());
}

}  // namespace
}  // namespace ow
