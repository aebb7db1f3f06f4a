// Subgraphs in a session: their own bindings, two places for what iterations hand on, no allocation in
// between.
#include <gtest/gtest.h>

#include <atomic>
#include <new>

#include "ops/op/evaluate.h"
#include "passes/test_support.h"
#include "runtime/session.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONWARD_COUNTS_ALLOCATIONS 0
#else
#define ONWARD_COUNTS_ALLOCATIONS 1
#endif

namespace {
std::atomic<int64_t> g_allocations{0};
}

#if ONWARD_COUNTS_ALLOCATIONS
[[gnu::noinline]] void* operator new(size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(bytes)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t bytes, std::align_val_t align) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  const auto a = static_cast<size_t>(align);
  if (void* p = std::aligned_alloc(a, (bytes + a - 1) / a * a)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t bytes, std::align_val_t align, const std::nothrow_t&) noexcept {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  const auto a = static_cast<size_t>(align);
  return std::aligned_alloc(a, (bytes + a - 1) / a * a);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(p);
}
#endif

namespace ow {
namespace {

using namespace test;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kInt64 = onnx::Tensor::INT64, kBool = onnx::Tensor::BOOL;

std::vector<onnx::ValueInfo> any(const std::vector<std::string>& names) {
  std::vector<onnx::ValueInfo> out;
  for (const auto& n : names) out.push_back(value(n, kFloat));
  return out;
}

// A Loop of `trips` iterations over states s0, s1, ..; `nodes` make n0, n1, .. and the scan outputs.
onnx::Node loop(std::vector<std::string> initial, std::vector<onnx::Node> nodes,
                std::vector<std::string> scans = {}, std::string trips = "trips") {
  nodes.insert(nodes.begin(), node("Identity", {"go"}, {"go_on"}));
  std::vector<std::string> states, next, results, inputs = {std::move(trips), ""};
  for (size_t i = 0; i < initial.size(); ++i) {
    states.push_back(cat("s", i));
    next.push_back(cat("n", i));
    results.push_back(cat("y", i));
  }
  inputs.insert(inputs.end(), initial.begin(), initial.end());
  for (const auto& s : scans) results.push_back("all_" + s);
  auto in = any(states), out = any(next), more = any(scans);
  in.insert(in.begin(), {value("i", kInt64, {}), value("go", kBool, {})});
  out.insert(out.begin(), value("go_on", kBool));
  out.insert(out.end(), more.begin(), more.end());
  return node("Loop", inputs, results, {attr("body", graph(in, out, nodes))});
}

onnx::Tensor trips(int64_t n) { return tensor("trips", kInt64, {}, std::vector<int64_t>{n}); }

Tensor ramp(const Shape& shape) {
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = static_cast<float>(i % 7) / 4 - .75f;
  return t;
}

struct Loaded {
  std::shared_ptr<Model> model;
  std::shared_ptr<Session> session;
};
Loaded load(const onnx::Graph& g, const SessionOptions& options = {.threads = 1}) {
  auto m = Model::load_bytes(as_bytes(bytes(test::model(g))));
  EXPECT_TRUE(m.ok()) << m.status().message();
  if (!m.ok()) return {};
  auto s = Session::create(*m, options);
  EXPECT_TRUE(s.ok()) << s.status().message();
  return {*m, s.ok() ? *s : nullptr};
}

// Three runs of a session (input x) against the plain meaning of the graph.
void compare(const onnx::Graph& g, const Shape& shape = {2, 3}) {
  auto [m, s] = load(g);
  ASSERT_TRUE(s);
  const Tensor x = ramp(shape);
  auto plain = import_model(*file(test::model(g)));
  ASSERT_TRUE(plain.ok());
  const std::vector<Value> inputs = {x};
  auto want = evaluate(*plain->graph, inputs);
  ASSERT_TRUE(want.ok()) << want.status().message();
  const std::vector<std::pair<std::string_view, Value>> named = {{"x", x}};
  for (int repeat = 0; repeat < 3; ++repeat) {
    auto got = s->run(named);
    ASSERT_TRUE(got.ok()) << got.status().message();
    for (size_t o = 0; o < want->size(); ++o) {
      const Tensor &a = *(*got)[o].tensor(), &b = *(*want)[o].tensor();
      ASSERT_EQ(a.shape(), b.shape()) << "output " << o << cat(" ", a.shape(), " ", b.shape());
      ASSERT_EQ(std::memcmp(a.raw(), b.raw(), static_cast<size_t>(b.bytes())), 0)
          << "output " << o << " in run " << repeat;
    }
  }
}

const std::vector<onnx::ValueInfo> kX = {value("x", kFloat, {"A", "B"})};

TEST(Subgraph, StatesThatTradePlaces) {
  compare(graph(kX, any({"y0", "y1", "y2"}),
                {node("Neg", {"x"}, {"m"}), node("Abs", {"x"}, {"a"}),
                 loop({"x", "m", "a"}, {node("Identity", {"s1"}, {"n0"}), node("Add", {"s0", "s2"}, {"n1"}),
                                        node("Identity", {"s0"}, {"n2"})})},
                {trips(7)}));
}

TEST(Subgraph, StatesThatPassThroughViewsAndCaptures) {
  compare(
      graph(kX, any({"y0", "y1", "y2", "y3", "all_e", "all_t"}),
            {node("Exp", {"x"}, {"outer"}), node("Cast", {"zero"}, {"number"}, {attr("to", int64_t{kFloat})}),
             loop({"x", "x", "outer", "number"},
                  {node("Reshape", {"s0", "flat"}, {"n0"}), node("Identity", {"s1"}, {"n1"}),
                   node("Add", {"outer", "outer"}, {"n2"}),
                   node("Cast", {"i"}, {"n3"}, {attr("to", int64_t{kFloat})}),
                   node("Mul", {"s2", "s3"}, {"e"}), node("Transpose", {"s1"}, {"t"})},
                  {"e", "t"})},
            {trips(5), ints("flat", {-1}), tensor("zero", kInt64, {}, std::vector<int64_t>{0})}));
}

TEST(Subgraph, NestsAndBranches) {
  const auto branch = [](onnx::Node n) { return graph({}, any({"b"}), {std::move(n)}); };
  onnx::Node choose = node("If", {"odd"}, {"chosen"},
                           {attr("then_branch", branch(node("Add", {"s0", "x"}, {"b"}))),
                            attr("else_branch", branch(node("Mul", {"s0", "half"}, {"b"})))});
  onnx::Node inner =
      loop({"chosen"}, {node("Sub", {"s0", "x"}, {"n0"}), node("Relu", {"n0"}, {"k"})}, {"k"}, "few");
  inner.output = {"n0", "stack"};
  compare(graph(
      kX, any({"y0", "all_stack"}),
      {loop({"x"},
            {node("Mod", {"i", "two"}, {"rest"}), node("Equal", {"rest", "one"}, {"odd"}), choose, inner},
            {"stack"})},
      {trips(6), tensor("few", kInt64, {}, std::vector<int64_t>{3}), floats("half", {}, {.5f}),
       tensor("one", kInt64, {}, std::vector<int64_t>{1}),
       tensor("two", kInt64, {}, std::vector<int64_t>{2})}));
}

TEST(Subgraph, NoIterationAtAll) {
  compare(graph(kX, any({"y0", "all_e"}),
                {loop({"x"}, {node("Neg", {"s0"}, {"n0"}), node("Exp", {"s0"}, {"e"})}, {"e"})}, {trips(0)}));
}

TEST(Subgraph, ScanInAllDirections) {
  for (int64_t axis : {0, 1})
    for (int64_t reversed : {0, 1}) {
      onnx::Graph body = graph(
          any({"s", "t"}), any({"n", "e"}),
          {node("Add", {"s", "t"}, {"p"}), node("Mul", {"p", "half"}, {"n"}), node("Neg", {"p"}, {"e"})});
      compare(graph(kX, any({"y", "all"}),
                    {node("ReduceSum", {"x", "axes"}, {"h"}, {attr("keepdims", int64_t{0})}),
                     node("Scan", {"h", "x"}, {"y", "all"},
                          {attr("body", body), attr("num_scan_inputs", int64_t{1}),
                           attr("scan_input_axes", std::vector<int64_t>{axis}),
                           attr("scan_input_directions", std::vector<int64_t>{reversed}),
                           attr("scan_output_axes", std::vector<int64_t>{1 - axis}),
                           attr("scan_output_directions", std::vector<int64_t>{1 - reversed})})},
                    {ints("axes", {axis}), floats("half", {}, {.5f})}),
              {4, 5});
    }
}

// Small operators on a state and what they make, stacked.
onnx::Graph busy(int64_t iterations) {
  return graph({value("x", kFloat, {"2", "3"})}, any({"y0", "all_e"}),
               {loop({"x"},
                     {node("Mul", {"s0", "c"}, {"p"}), node("Add", {"p", "x"}, {"q"}),
                      node("Relu", {"q"}, {"e"}), node("Sub", {"e", "c"}, {"n0"})},
                     {"e"})},
               {trips(iterations), floats("c", {2, 3}, {1, .5f, -1, .25f, 0, .125f})});
}

TEST(Subgraph, MemoryOfBodiesIsPlannedAndCounted) {
  const auto [m, s] = load(busy(4));
  ASSERT_TRUE(s);
  auto binding = bind_shapes(s->plan(), std::vector<ir::Fact>{{m->inputs()[0].type, {}, {}}});
  ASSERT_TRUE(binding.ok()) << binding.status().message();
  ASSERT_EQ((*binding)->subgraphs.size(), 1u);
  const Binding* body = (*binding)->subgraphs[0].get();
  ASSERT_TRUE(body);
  const Plan* plan = nullptr;
  for (const Step& step : s->plan().steps)
    if (!step.subgraphs.empty()) plan = step.subgraphs[0].plan.get();
  ASSERT_TRUE(plan);
  for (const Step& step : plan->steps)
    for (int o : step.outputs) EXPECT_GE(body->offsets[static_cast<size_t>(o)], 0) << step.node->label();
  EXPECT_EQ((*binding)->total_bytes, (*binding)->arena_bytes + body->arena_bytes);
  const std::vector<std::pair<std::string_view, Value>> x = {{"x", ramp({2, 3})}};
  const RunOptions tight{.memory_limit_bytes = body->arena_bytes};
  EXPECT_EQ(s->run(x, {}, tight).status().code(), Code::kLimitExceeded);
}

TEST(Subgraph, IterationsAllocateNothing) {
  if (!ONWARD_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer counts instead";
  const auto count = [](int64_t iterations) {
    const auto [m, s] = load(busy(iterations));
    const std::vector<std::pair<std::string_view, Value>> x = {{"x", ramp({2, 3})}};
    int64_t before = 0;
    for (int run = 0; run < 3; ++run) {
      before = g_allocations;
      EXPECT_TRUE(s->run(x).ok());
    }
    return g_allocations - before;
  };
  const int64_t few = count(10), many = count(1000);
  EXPECT_LE(many, few + 10)
      << "allocations in a run of 10 and of 1,000 iterations: look for what an iteration makes";
}

}  // namespace
}  // namespace ow
