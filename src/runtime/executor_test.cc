// A frame whose step failed is as good as a new one, whatever the step had done by then.
#include "runtime/executor.h"

#include <gtest/gtest.h>

#include "passes/import.h"
#include "passes/test_support.h"
#include "runtime/session.h"

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT;

// Another operator, but for a fault after its work is done.
class Faulty final : public Op {
 public:
  explicit Faulty(const Op& real) : real_(real) { traits = real.traits; }
  Result<Attrs> read(const AttrReader& a) const override { return real_.read(a); }
  Status infer(const void* a, InferContext& c) const override { return real_.infer(a, c); }
  Status upgrade(Rewriter& c) const override { return real_.upgrade(c); }
  Status lower(const void* a, Rewriter& c) const override { return real_.lower(a, c); }
  Result<std::any> prepare(const void* a, PrepareContext& c) const override { return real_.prepare(a, c); }
  Status run(const void* a, RunContext& c) const override {
    ONWARD_TRY(real_.run(a, c));
    return fails ? c.error("this fault is part of the test") : Status();
  }

  bool fails = false;

 private:
  const Op& real_;
};

Tensor ramp(const Shape& shape) {
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  float next = 0;
  for (float& v : t.mutable_span<float>()) v = next++;
  return t;
}

// The sum over an axis of a channels-last map: the operator makes it in memory order, beside its place.
std::shared_ptr<Plan> plan_that_stages() {
  const auto m = model(graph({value("x", kFloat, {"N", "2", "H", "W"})}, {value("y", kFloat)},
                             {node("Conv", {"x", "w"}, {"c"}),
                              node("ReduceSum", {"c", "axes"}, {"y"}, {attr("keepdims", int64_t{0})})},
                             {floats("w", {3, 2, 1, 1}, {1, 2, 3, 4, 5, 6}), ints("axes", {2})}));
  auto imported = import_model(*file(m));
  ONWARD_CHECK(imported.ok());
  auto plan = compile_plan(imported->graph, {});
  ONWARD_CHECK(plan.ok());
  return std::make_shared<Plan>(**plan);
}

TEST(Frame, NothingOfAFailedStepReachesTheNextRun) {
  const auto plan = plan_that_stages();
  Step& sum = plan->steps.back();
  ASSERT_EQ(sum.node->op_type, "ReduceSum");
  ASSERT_FALSE(sum.axis_places.empty()) << "the plan has changed: nothing is staged here any more";
  Faulty faulty(*sum.op);
  sum.op = &faulty;

  Frame used(plan);
  RunSettings settings;
  faulty.fails = true;
  const Value large[] = {ramp({1, 2, 5, 7})};
  auto failed = used.run(large, nullptr, settings);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.status().message().find("part of the test"), std::string::npos);

  faulty.fails = false;
  Frame fresh(plan);
  // One column: its memory is in both orders, so that nothing is staged over what the failed run left.
  const Value small[] = {ramp({1, 2, 3, 1})};
  auto out = used.run(small, nullptr, settings);
  ASSERT_TRUE(out.ok()) << out.status().message();
  ASSERT_EQ((*out)[0].tensor()->shape(), Shape({1, 3, 1}));
  const auto got = (*out)[0].tensor()->span<float>();
  const float expected[] = {1 * 3 + 2 * 12, 3 * 3 + 4 * 12, 5 * 3 + 6 * 12};  // sums over x are 3 and 12
  EXPECT_TRUE(std::equal(got.begin(), got.end(), std::begin(expected), std::end(expected)));
}

}  // namespace
}  // namespace ow
