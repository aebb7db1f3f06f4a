// The operators that make and read maps.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

template <class K>
Value map_of(DType key_type, std::vector<std::pair<K, float>> items) {
  MapValue map{.key_type = key_type};
  for (auto& [key, value] : items) map.items.emplace(key, Value(Tensor::scalar(value)));
  return Value(std::move(map));
}

template <class T>
std::vector<T> contents(const Value& v) {
  const auto found = v.tensor()->span<T>();
  return {found.begin(), found.end()};
}

TEST(ZipMap, RowsBecomeMaps) {
  const std::vector<float> x = {1, 2, 3, 4};
  auto y = evaluate_op("ZipMap", {Tensor::of<float>({2, 2}, x)}, 1,
                       {{"classlabels_strings", ir::Strings{"b", "a"}}}, "ai.onnx.ml");
  ASSERT_TRUE(y.ok()) << y.status().message();
  const Sequence* maps = (*y)[0].sequence();
  ASSERT_TRUE(maps && maps->size() == 2);
  const MapValue* second = (*maps)[1].map();
  ASSERT_TRUE(second && second->items.size() == 2);
  EXPECT_EQ(second->key_type, DType::kString);
  EXPECT_EQ(*second->items.at(std::string("a")).tensor()->data<float>(), 4);
  EXPECT_EQ(*second->items.at(std::string("b")).tensor()->data<float>(), 3);
}

TEST(ZipMap, AColumnWithoutLabelIsRefused) {
  const std::vector<float> x = {1, 2, 3};
  auto y = evaluate_op("ZipMap", {Tensor::of<float>({1, 3}, x)}, 1, {{"classlabels_int64s", ir::Ints{1, 2}}},
                       "ai.onnx.ml");
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("3 columns"), std::string::npos) << y.status().message();
}

TEST(DictVectorizer, MissingKeysAreZero) {  // the example of the operator's description
  auto y = evaluate_op("DictVectorizer", {map_of<std::string>(DType::kString, {{"a", 4}, {"c", 8}})}, 1,
                       {{"string_vocabulary", ir::Strings{"a", "c", "b", "z"}}}, "ai.onnx.ml");
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[0].tensor()->shape(), (Shape{1, 4}));
  EXPECT_EQ(contents<float>((*y)[0]), (std::vector<float>{4, 8, 0, 0}));
}

TEST(CastMap, DenseAndSparse) {
  const Value map = map_of<int64_t>(DType::kInt64, {{3, 1.5f}, {0, 2}});
  auto dense = evaluate_op("CastMap", {map}, 1, {}, "ai.onnx.ml");
  ASSERT_TRUE(dense.ok()) << dense.status().message();
  EXPECT_EQ(contents<float>((*dense)[0]), (std::vector<float>{2, 1.5f}));
  ir::Attributes sparse = {
      {"map_form", std::string("SPARSE")}, {"max_map", int64_t{5}}, {"cast_to", std::string("TO_INT64")}};
  auto wide = evaluate_op("CastMap", {map}, 1, sparse, "ai.onnx.ml");
  ASSERT_TRUE(wide.ok()) << wide.status().message();
  EXPECT_EQ(contents<int64_t>((*wide)[0]), (std::vector<int64_t>{2, 0, 0, 1, 0}));
  sparse["max_map"] = int64_t{3};
  EXPECT_FALSE(evaluate_op("CastMap", {map}, 1, sparse, "ai.onnx.ml").ok());
}

}  // namespace
}  // namespace ow
