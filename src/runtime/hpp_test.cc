// onward.hpp as a program uses it.
#include "onward/onward.hpp"

#include <numeric>

#include "runtime/c_api_test_support.h"

namespace ow {
namespace {

using namespace test;
using onward::Error;
using onward::Tensor;
using onward::Value;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

onward::Model loaded(const onnx::Model& m, const onward::ModelOptions& options = {}) {
  const std::string text = bytes(m);
  return onward::Model(as_bytes(text), options);
}

Tensor floats_tensor(std::initializer_list<int64_t> shape, std::vector<float> v) {
  return Tensor::from<float>(shape, v);
}
std::vector<float> list(const Value& v) {
  const auto s = v.data<const float>();
  return {s.begin(), s.end()};
}

template <class F>
onward_code code_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  return ONWARD_OK;
}

TEST(Hpp, ModelsDescribeThemselves) {
  const auto model = loaded(relu_model());
  EXPECT_EQ(model.inputs()[0].full_type.text, "float[N,2]");
  EXPECT_THAT(model.inputs()[0].full_type.symbols, ElementsAre("N", ""));
  EXPECT_TRUE(model.inputs()[1].is_optional);
  EXPECT_THAT(model.opsets(), ElementsAre(Pair("", 22)));
  EXPECT_THAT(model.metadata(), ElementsAre(Pair("k", "v")));
  EXPECT_EQ(model.field("producer_name"), "tests");
  EXPECT_EQ(code_of([] { onward::inspect_json("/nowhere.onnx"); }), ONWARD_IO);
  EXPECT_EQ(code_of([] { onward::check_json("/nowhere.onnx"); }), ONWARD_IO);
  EXPECT_EQ(onward::available_providers().back(), "cpu");
  EXPECT_THAT(onward::build_info(), HasSubstr(onward::version()));
  EXPECT_FALSE(onward::config_keys().empty());
}

TEST(Hpp, WritesOptimisedModels) {
  const auto model = loaded(relu_model());
  const std::string made = model.optimized_bytes({.dims = {{"N", 1}}});
  const onward::Session session(onward::Model(as_bytes(made)));
  EXPECT_EQ(session.inputs()[0].type, "float[1,2]");
  EXPECT_THAT(list(session.run({{"x", floats_tensor({1, 2}, {-1, 2})}}).at(0)), ElementsAre(0, 4));
  EXPECT_EQ(code_of([&] { model.optimize("/no/such/folder/x.onnx"); }), ONWARD_IO);
  try {
    onward::Model("/nowhere.onnx");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.detail(), ONWARD_DETAIL_NO_SUCH_FILE);
  }
}

TEST(Hpp, RunsInEveryWay) {
  const onward::Session session(loaded(relu_model()));
  const auto x = floats_tensor({1, 2}, {-1, 2});
  EXPECT_THAT(list(session.run({{"x", x}}).at(0)), ElementsAre(0, 4));
  EXPECT_THAT(list(session.run({{"x", x}}, {"x"}).at(0)), ElementsAre(-1, 2));
  std::vector<float> memory(2);
  session.run_into({{"x", x}}, {{"y", Tensor::wrap<float>({1, 2}, memory)}});
  EXPECT_THAT(memory, ElementsAre(0, 4));
  auto later = session.run_async({{"x", x}}, {"y"});
  EXPECT_THAT(list(later.get().at(0)), ElementsAre(0, 4));
  auto failed = session.run_async({{"q", x}});
  EXPECT_EQ(code_of([&] { failed.get(); }), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(code_of([&] { session.run({}); }), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(code_of([&] { session.run_into({{"x", x}}, {}); }), ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(code_of([&] { session.run_into({{"x", x}}, {{"y", Value()}}); }), ONWARD_INVALID_ARGUMENT);
  onward::Context context(session);
  context.bind_input("x", x);
  context.bind_output("y");
  const auto results = context.run();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].first, "y");
  EXPECT_THAT(list(results[0].second), ElementsAre(0, 4));
  onward::CancelToken cancel;
  cancel.trigger();
  EXPECT_TRUE(cancel.triggered());
  EXPECT_EQ(code_of([&] { session.run({{"x", x}}, {}, {.cancel = &cancel}); }), ONWARD_CANCELLED);
}

TEST(Hpp, SessionOptions) {
  std::vector<std::string> lines;
  onward::SessionOptions o;
  o.threads = 1;
  o.log_id = "a";
  o.log_level = 0;
  o.log_sink = [&](int32_t, const char* message) { lines.emplace_back(message); };
  o.dims = {{"N", 3}};
  o.initializers = {{"w", floats_tensor({2}, {5, 5})}};
  o.config = {{"optimization", "basic"}};
  const onward::Session session(loaded(relu_model()), o);
  EXPECT_EQ(session.inputs()[0].shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(session.outputs()[0].type, "float[3,2]");
  session.start_profile();
  EXPECT_THAT(list(session.run({{"x", floats_tensor({3, 2}, {1, 1, 1, 1, 1, 1})}}).at(0)),
              ElementsAre(5, 5, 5, 5, 5, 5));
  session.stop_profile();
  EXPECT_THAT(session.profile_json(), HasSubstr("Relu"));
  EXPECT_THAT(session.trace_json(), HasSubstr("\"ph\":\"X\""));
  EXPECT_THAT(session.report_json(), HasSubstr("basic"));
  EXPECT_FALSE(lines.empty());
  o.config = {{"nothing", "1"}};
  EXPECT_EQ(code_of([&] { onward::Session(loaded(relu_model()), o); }), ONWARD_INVALID_ARGUMENT);
}

TEST(Hpp, Values) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  Value row;
  {
    const auto t = Tensor::wrap<float>({2, 2}, *owner, owner);
    row = t.view(2, {2});
  }
  EXPECT_EQ(owner.use_count(), 2);
  EXPECT_THAT(list(row), ElementsAre(3, 4));
  const auto copy = row.copy();
  (*owner)[2] = 9;
  EXPECT_THAT(list(row), ElementsAre(9, 4));
  EXPECT_THAT(list(copy), ElementsAre(3, 4));
  row = {};
  EXPECT_EQ(owner.use_count(), 1);
  const int64_t two = 2;
  EXPECT_EQ(code_of([&] { Tensor::wrap<float>(std::span(&two, 1), *owner, owner); }),
            ONWARD_INVALID_ARGUMENT);
  EXPECT_EQ(owner.use_count(), 1);
  const auto items = Value::map({{"b", copy}, {"a", copy}}).string_entries();
  EXPECT_EQ(items.begin()->first, "a");
  EXPECT_THAT(list(items.at("b")), ElementsAre(3, 4));
  const auto numbers = Value::map({{int64_t{7}, copy}}, ONWARD_INT32);
  EXPECT_EQ(numbers.key_type(), ONWARD_INT32);
  EXPECT_EQ(numbers.integer_entries().at(7).count(), 2u);
  EXPECT_TRUE(numbers.string_entries().empty());
  const Value both[] = {copy, numbers};
  EXPECT_EQ(Value::sequence(both).at(1).kind(), ONWARD_MAP);
  EXPECT_EQ(Value::sequence(both).size(), 2u);
  EXPECT_FALSE(Value::nothing().has_value());
  const int64_t at[] = {1, 3}, shape[] = {4};
  const auto sparse = Value::sparse(copy, Tensor::from<int64_t>({2}, at), shape);
  EXPECT_THAT(sparse.sparse_shape(), ElementsAre(4));
  EXPECT_THAT(list(sparse.sparse_values()), ElementsAre(3, 4));
  EXPECT_EQ(sparse.sparse_indices().data<const int64_t>()[1], 3);
  EXPECT_EQ(code_of([&] { copy.data<int64_t>(); }), ONWARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace ow
