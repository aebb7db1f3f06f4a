// Values through the C interface: views and copies, maps, optionals, sparse tensors.
#include "runtime/c_api_test_support.h"

namespace ow {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CApiValue, SharesAndCopies) {
  const auto& a = api();
  onward_value *t = floats_value({2}, {1, 2}), *shared = nullptr, *copy = nullptr, *list = nullptr,
               *deep = nullptr, *item = nullptr;
  EXPECT_EQ(taken(a.value_share(t, &shared)), "");
  EXPECT_EQ(taken(a.value_copy(t, &copy)), "");
  const onward_value* items = t;
  EXPECT_EQ(taken(a.sequence_create(&items, 1, &list)), "");
  EXPECT_EQ(taken(a.value_copy(list, &deep)), "");
  static_cast<float*>(a.tensor_data(t))[0] = 9;
  EXPECT_THAT(floats_of(shared), ElementsAre(9, 2));
  EXPECT_THAT(floats_of(copy), ElementsAre(1, 2));
  EXPECT_EQ(taken(a.sequence_at(deep, 0, &item)), "");
  EXPECT_THAT(floats_of(item), ElementsAre(1, 2));
  taken(a.value_share(nullptr, &item), ONWARD_INVALID_ARGUMENT);
  taken(a.value_copy(t, nullptr), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(a.tensor_const_data(list), nullptr);
  EXPECT_EQ(a.tensor_count(nullptr), 0u);
  for (onward_value* v : {t, shared, copy, list, deep, item}) a.value_free(v);
}

TEST(CApiValue, ViewsOfTensors) {
  const auto& a = api();
  onward_value *t = floats_value({2, 3}, {0, 1, 2, 3, 4, 5}), *row = nullptr, *none = nullptr;
  const int64_t three = 3, four = 4, negative = -1, huge[] = {INT64_MAX, 4};
  EXPECT_EQ(taken(a.tensor_view(t, 3, &three, 1, &row)), "");
  taken(a.tensor_view(t, 3, &four, 1, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_view(t, SIZE_MAX, &three, 1, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_view(t, 0, &negative, 1, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_view(t, 0, huge, 2, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_view(t, 0, nullptr, 1, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.tensor_view(nullptr, 0, &three, 1, &none), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  a.value_free(t);
  EXPECT_THAT(floats_taken(row), ElementsAre(3, 4, 5));
  onward_value *nibbles = nullptr, *half = nullptr;
  EXPECT_EQ(taken(a.tensor_create(ONWARD_INT4, &four, 1, &nibbles)), "");
  std::memcpy(a.tensor_data(nibbles), "\x21\x43", 2);
  const int64_t two = 2;
  EXPECT_EQ(taken(a.tensor_view(nibbles, 2, &two, 1, &half)), "");
  EXPECT_EQ(*static_cast<const char*>(a.tensor_const_data(half)), 0x43);
  EXPECT_THAT(taken(a.tensor_view(nibbles, 1, &two, 1, &none), ONWARD_INVALID_ARGUMENT),
              HasSubstr("inside a byte"));
  a.value_free(nibbles);
  a.value_free(half);
  onward_value *words = nullptr, *last = nullptr;
  EXPECT_EQ(taken(a.tensor_create(ONWARD_STRING, &two, 1, &words)), "");
  EXPECT_EQ(taken(a.tensor_set_string(words, 1, "end", 3)), "");
  EXPECT_EQ(taken(a.tensor_view(words, 1, nullptr, 0, &last)), "");
  a.value_free(words);
  EXPECT_STREQ(a.tensor_string(last, 0, nullptr), "end");
  a.value_free(last);
}

TEST(CApiValue, Maps) {
  const auto& a = api();
  onward_value *one = floats_value({}, {1}), *two = floats_value({}, {2}), *m = nullptr, *item = nullptr;
  const onward_value* items[] = {two, one};
  const int64_t keys[] = {20, -10}, same[] = {5, 5};
  EXPECT_EQ(taken(a.map_create(ONWARD_INT32, keys, items, 2, &m)), "");
  EXPECT_EQ(a.value_kind(m), ONWARD_MAP);
  EXPECT_EQ(a.map_key_type(m), ONWARD_INT32);
  EXPECT_EQ(a.map_count(m), 2u);
  const char* text = "?";
  int64_t number = 0;
  EXPECT_EQ(taken(a.map_at(m, 0, &text, nullptr, &number, &item)), "");
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(number, -10);
  EXPECT_THAT(floats_taken(item), ElementsAre(1));
  a.value_free(std::exchange(m, nullptr));
  taken(a.map_create(ONWARD_INT64, same, items, 2, &m), ONWARD_INVALID_ARGUMENT);
  for (int type : {1, 8, 22, 0, 31})  // float, string, int4, no type, nonsense

    taken(a.map_create(static_cast<onward_dtype>(type), keys, items, 2, &m), ONWARD_INVALID_ARGUMENT);
  taken(a.map_create(ONWARD_INT64, nullptr, items, 2, &m), ONWARD_INVALID_ARGUMENT);
  taken(a.map_create(ONWARD_INT64, keys, items, 2, nullptr), ONWARD_INVALID_ARGUMENT);
  const char *words[] = {"b", "a"}, *broken[] = {"b", nullptr}, *twice[] = {"b", "b"};
  const size_t bytes[] = {1, 1};
  taken(a.map_create_strings(broken, nullptr, items, 2, &m), ONWARD_INVALID_ARGUMENT);
  taken(a.map_create_strings(twice, nullptr, items, 2, &m), ONWARD_INVALID_ARGUMENT);
  taken(a.map_create_strings(words, bytes, nullptr, 2, &m), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(m, nullptr);
  EXPECT_EQ(taken(a.map_create_strings(words, bytes, items, 2, &m)), "");
  EXPECT_EQ(a.map_key_type(m), ONWARD_STRING);
  EXPECT_EQ(a.map_key_type(one), ONWARD_UNDEFINED);
  EXPECT_EQ(taken(a.map_at(m, 1, &text, nullptr, nullptr, nullptr)), "");
  EXPECT_STREQ(text, "b");
  for (onward_value* v : {one, two, m}) a.value_free(v);
}

TEST(CApiValue, AMapThroughAModel) {
  const auto& a = api();
  onnx::Graph g;
  onnx::ValueInfo in = value("x", kFloat);
  onnx::Type map;
  map.map_type.emplace();
  map.map_type->key_type = onnx::Tensor::STRING;
  map.map_type->value_type = *value("v", kFloat, {}).type;
  in.type = map;
  g.input = {in};
  g.output = {value("y", kFloat, {"1", "3"})};
  onnx::Attribute vocabulary;
  vocabulary.name = "string_vocabulary";
  vocabulary.type = onnx::Attribute::STRINGS;
  vocabulary.strings = {"a", "b", "c"};
  g.node = {node("DictVectorizer", {"x"}, {"y"}, {vocabulary}, "ai.onnx.ml")};
  auto m = model(g);
  onnx::OperatorSetId ml;
  ml.domain = "ai.onnx.ml";
  ml.version = 3;
  m.opset_import.push_back(ml);
  onward_session* s = session(m);
  onward_value *two = floats_value({}, {2}), *x = nullptr, *y = nullptr;
  const char *key = "c", *name = "x";
  const onward_value* item = two;
  EXPECT_EQ(taken(a.map_create_strings(&key, nullptr, &item, 1, &x)), "");
  const onward_value* fed = x;
  EXPECT_EQ(taken(a.session_run(s, nullptr, &name, &fed, 1, nullptr, 0, &y)), "");
  EXPECT_THAT(floats_taken(y), ElementsAre(0, 0, 2));
  a.value_free(two);
  a.value_free(x);
  a.session_free(s);
}

TEST(CApiValue, Optionals) {
  const auto& a = api();
  onward_value *t = floats_value({1}, {3}), *full = nullptr, *empty = nullptr;
  EXPECT_EQ(taken(a.optional_create(t, &full)), "");
  EXPECT_EQ(taken(a.optional_create(nullptr, &empty)), "");
  EXPECT_EQ(a.value_kind(full), ONWARD_TENSOR);
  EXPECT_EQ(a.value_kind(empty), ONWARD_NOTHING);
  taken(a.optional_create(t, nullptr), ONWARD_INVALID_ARGUMENT);
  for (onward_value* v : {t, full, empty}) a.value_free(v);
}

TEST(CApiValue, SparseTensors) {
  const auto& a = api();
  const int64_t dims[] = {2, 3}, negative[] = {-2, 3};
  onward_value *values = floats_value({2}, {5, 6}), *flat = ints_value({2}, {1, 5}),
               *table = ints_value({2, 2}, {0, 1, 1, 2}), *part = nullptr, *none = nullptr;
  for (onward_value* indices : {flat, table}) {
    onward_value* s = nullptr;
    EXPECT_EQ(taken(a.sparse_create(values, indices, dims, 2, &s)), "");
    EXPECT_EQ(a.value_kind(s), ONWARD_SPARSE_TENSOR);
    ASSERT_EQ(a.sparse_rank(s), 2u);
    EXPECT_EQ(a.sparse_dims(s)[1], 3);
    EXPECT_EQ(taken(a.sparse_values(s, &part)), "");
    EXPECT_THAT(floats_taken(part), ElementsAre(5, 6));
    EXPECT_EQ(taken(a.sparse_indices(s, &part)), "");
    EXPECT_EQ(a.tensor_rank(part), a.tensor_rank(indices));
    a.value_free(part);
    a.value_free(s);
  }
  for (auto [shape, at] : {std::pair<std::vector<int64_t>, std::vector<int64_t>>({2}, {5, 1}),
                           {{2}, {1, 1}},
                           {{2}, {1, 6}},
                           {{2}, {-1, 1}},
                           {{3}, {0, 1, 2}},
                           {{2, 2}, {0, 3, 1, 0}},
                           {{2, 2}, {1, 0, 0, 0}},
                           {{1, 2}, {0, 0}}}) {
    onward_value* bad = ints_value(shape, at);
    taken(a.sparse_create(values, bad, dims, 2, &none), ONWARD_INVALID_ARGUMENT);
    a.value_free(bad);
  }
  taken(a.sparse_create(values, flat, negative, 2, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.sparse_create(values, values, dims, 2, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.sparse_create(nullptr, flat, dims, 2, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.sparse_create(table, flat, dims, 2, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.sparse_values(values, &none), ONWARD_INVALID_ARGUMENT);
  taken(a.sparse_indices(values, &none), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(a.sparse_rank(values), 0u);
  EXPECT_EQ(a.sparse_dims(nullptr), nullptr);
  EXPECT_EQ(none, nullptr);
  for (onward_value* v : {values, flat, table}) a.value_free(v);
}

}  // namespace
}  // namespace ow
