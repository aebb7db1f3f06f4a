// Sessions against the plain meaning of a graph (ops/op/evaluate.h), over random graphs and changing shapes.
#include "runtime/session.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "base/file.h"
#include "ops/op/evaluate.h"
#include "passes/test_support.h"
#include "tensor/convert.h"

namespace ow {
namespace {

using namespace test;
using ::testing::HasSubstr;
constexpr int32_t kFloat = onnx::Tensor::FLOAT, kInt64 = onnx::Tensor::INT64, kBool = onnx::Tensor::BOOL;

std::shared_ptr<Model> load(const onnx::Model& m) {
  auto loaded = Model::load_bytes(as_bytes(bytes(m)));
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? *loaded : nullptr;
}

std::shared_ptr<Session> session(const onnx::Model& m, const SessionOptions& o = {}) {
  auto s = Session::create(load(m), o);
  EXPECT_TRUE(s.ok()) << s.status().message();
  return s.ok() ? *s : nullptr;
}

using Inputs = std::vector<std::pair<std::string_view, Value>>;

Tensor random_tensor(const Shape& shape, std::mt19937& rng) {
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  for (float& v : t.mutable_span<float>())
    v = static_cast<float>(static_cast<int>(rng() % 4001) - 2000) / 1000;
  return t;
}

// Bit equality with tolerance 0; NaN equals NaN.
void expect_same(const Value& a, const Value& b, float tolerance, const std::string& what) {
  ASSERT_TRUE(a.tensor() && b.tensor()) << what;
  ASSERT_EQ(a.tensor()->shape(), b.tensor()->shape())
      << what << " " << cat(a.tensor()->shape(), b.tensor()->shape());
  ASSERT_EQ(a.tensor()->dtype(), b.tensor()->dtype()) << what;
  ASSERT_TRUE(a.tensor()->is_dense());
  if (a.tensor()->dtype() != DType::kFloat32) {
    ASSERT_EQ(std::memcmp(a.tensor()->raw(), b.tensor()->raw(), static_cast<size_t>(a.tensor()->bytes())), 0)
        << what;
    return;
  }
  auto x = a.tensor()->span<float>(), y = b.tensor()->span<float>();
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    if (x[i] == y[i]) continue;
    ASSERT_LE(std::abs(x[i] - y[i]), tolerance * (1 + std::abs(y[i]))) << what << " element " << i;
  }
}

// The slot in whose memory that of a part of a joined tensor is (join.h); others are that slot themselves.
int owner(const Binding& b, size_t slot) {
  return b.parts.empty() || b.parts[slot].root < 0 ? static_cast<int>(slot) : b.parts[slot].root;
}

// Two values at least one of which the plan places in the arena never share bytes while both are alive, but
// for joined tensors and their parts.
void check_binding(const Plan& plan, const Binding& b) {
  auto root = [&](int s) {
    while (plan.slots[static_cast<size_t>(s)].alias_of >= 0) s = plan.slots[static_cast<size_t>(s)].alias_of;
    return s;
  };
  const int n = static_cast<int>(plan.slots.size());
  // Lifetimes from the steps themselves, not from what the plan says of them.
  std::vector<int> first(static_cast<size_t>(n), -1), last(static_cast<size_t>(n), -1);
  auto touch = [&](int s, int at) {
    if (s < 0) return;
    const auto r = static_cast<size_t>(root(s));
    if (first[r] < 0) first[r] = at;
    last[r] = std::max(last[r], at);
  };
  for (int i = 0; i < static_cast<int>(plan.steps.size()); ++i) {
    const Step& step = plan.steps[static_cast<size_t>(i)];
    for (int s : step.inputs) touch(s, i);
    for (int s : step.outputs) touch(s, i);
    for (const Subplan& sub : step.subgraphs)
      for (const Capture& c : sub.captures) touch(c.from, i);
  }
  for (int s : plan.outputs) touch(s, static_cast<int>(plan.steps.size()));
  for (size_t a = 0; a < plan.slots.size(); ++a)
    if (const auto o = static_cast<size_t>(owner(b, a)); o != a) {
      first[o] = std::min(first[o], first[a]), last[o] = std::max(last[o], last[a]);
      EXPECT_GE(b.offsets[a], b.offsets[o]);
      EXPECT_LE(b.offsets[a] + b.bytes[a], b.offsets[o] + b.bytes[o]);
    }
  for (size_t a = 0; a < plan.slots.size(); ++a) {
    if (b.offsets[a] < 0) continue;
    EXPECT_FALSE(plan.slots[a].pinned);
    EXPECT_LT(last[a], static_cast<int>(plan.steps.size())) << "an output of the graph lies in the arena";
    EXPECT_LE(b.offsets[a] + b.bytes[a], b.arena_bytes);
    for (size_t c = a + 1; c < plan.slots.size(); ++c) {
      if (b.offsets[c] < 0 || last[a] < first[c] || last[c] < first[a]) continue;
      if (b.offsets[a] + b.bytes[a] <= b.offsets[c] || b.offsets[c] + b.bytes[c] <= b.offsets[a]) continue;
      if (b.bytes[a] == 0 || b.bytes[c] == 0 || owner(b, a) == owner(b, c)) continue;
      // Only in place: one is the last input of the step that makes the other, at the same offset.
      const int meet = std::max(first[a], first[c]);
      ASSERT_EQ(std::min(last[a], last[c]), meet) << "slots " << a << " and " << c;
      ASSERT_EQ(b.offsets[a], b.offsets[c]);
      const Step& step = plan.steps[static_cast<size_t>(meet)];
      const int older = static_cast<int>(first[a] < first[c] ? a : c),
                newer = older == static_cast<int>(a) ? static_cast<int>(c) : static_cast<int>(a);
      bool allowed = false;
      for (auto [i, o] : step.op->traits.in_place)
        allowed |= static_cast<size_t>(i) < step.inputs.size() &&
                   step.inputs[static_cast<size_t>(i)] == older &&
                   step.outputs[static_cast<size_t>(o)] == newer;
      EXPECT_TRUE(allowed) << step.node->label();
      EXPECT_EQ(std::count_if(step.inputs.begin(), step.inputs.end(),
                              [&](int s) { return s >= 0 && root(s) == older; }),
                1);
    }
  }
}

struct RandomGraph {
  onnx::Graph g;
  std::mt19937 rng;
  struct Item {
    std::string name;
    bool image;  // [N,4,H,W], else its transposition [N,H,W,4]
  };
  std::vector<Item> items;
  int next = 0;

  explicit RandomGraph(unsigned seed) : rng(seed) {
    g.input = {value("x", kFloat, {"N", "4", "H", "W"}), value("z", kFloat, {"N", "4", "H", "W"})};
    items = {{"x", true}, {"z", true}};
    g.initializer = {floats("per_channel", {4, 1, 1}, {1, -2, .5f, 3}),
                     floats("one", {}, {.75f}),
                     floats("last", {4}, {1, 2, -1, .5f}),
                     ints("zero", {0}),
                     ints("minus", {-1}),
                     ints("tail", {4}),
                     ints("axis1", {1}),
                     floats("scale", {4}, {1, 2, .5f, 1}),
                     floats("bias", {4}, {0, 1, -1, 0}),
                     floats("mean", {4}, {.1f, 0, 0, .2f}),
                     floats("var", {4}, {1, .5f, 2, 1})};
    for (const auto& [name, channels] : {std::pair("w1", 4), {"w2", 4}, {"w8", 8}}) {
      std::vector<float> w(static_cast<size_t>(4 * channels * 9));
      for (float& v : w)
        v = static_cast<float>(static_cast<int>(rng() % 201) - 100) / static_cast<float>(100 * channels);
      g.initializer.push_back(floats(name, {4, channels, 3, 3}, w));
    }
    const int count = 3 + static_cast<int>(rng() % 14);
    for (int i = 0; i < count; ++i) step();
    const int outputs = 1 + static_cast<int>(rng() % 3);
    for (int i = 0; i < outputs; ++i)
      output(items[items.size() - 1 - rng() % std::min<size_t>(items.size(), 4)].name);
  }

  void output(const std::string& name) {
    for (const auto& o : g.output)
      if (*o.name == name) return;
    g.output.push_back(value(name, kFloat));
  }
  std::string fresh() { return cat("t", next++); }
  const Item& pick() {
    return items[rng() % 3 ? items.size() - 1 - rng() % std::min<size_t>(items.size(), 3)
                           : rng() % items.size()];
  }
  void add(const char* op, std::vector<std::string> in, bool image, std::vector<onnx::Attribute> a = {}) {
    std::string y = fresh();
    g.node.push_back(node(op, in, {y}, std::move(a)));
    items.push_back({y, image});
  }

  void step() {
    const Item a = pick();
    Item b = pick();
    if (b.image != a.image) b = a;
    const std::vector<int64_t> to_last = {0, 2, 3, 1}, to_first = {0, 3, 1, 2};
    switch (rng() % 16) {
      case 0:
        return add("Relu", {a.name}, a.image);
      case 1:
        return add("Add", {a.name, b.name}, a.image);
      case 2:
        return add("Mul", {a.name, a.image ? "per_channel" : "last"}, a.image);
      case 3:
        return add("Sub", {"one", a.name}, a.image);
      case 4:
        return add("Transpose", {a.name}, !a.image, {attr("perm", a.image ? to_last : to_first)});
      case 5:
      case 6:
        if (!a.image) return add("Transpose", {a.name}, true, {attr("perm", to_first)});
        return add("Conv", {a.name, rng() % 2 ? "w1" : "w2"}, true,
                   {attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
      case 7: {  // there and back through a view
        const std::string s = fresh(), f = fresh();
        g.node.push_back(node("Shape", {a.name}, {s}));
        g.node.push_back(node("Reshape", {a.name, "minus"}, {f}));
        return add("Reshape", {f, s}, a.image);
      }
      case 8:
        return add("Softmax", {a.name}, a.image, {attr("axis", int64_t{a.image ? 1 : 3})});
      case 9:
        return add("Identity", {a.name}, a.image);
      case 10: {  // two halves, exchanged
        const std::string p = fresh(), q = fresh();
        const int64_t axis = a.image ? 1 : 3;
        g.node.push_back(
            node("Split", {a.name}, {p, q}, {attr("axis", axis), attr("num_outputs", int64_t{2})}));
        return add("Concat", {q, p}, a.image, {attr("axis", axis)});
      }
      case 11: {  // a sum with a view of itself: x + reshape(x)
        const std::string s = fresh(), v = fresh();
        g.node.push_back(node("Shape", {a.name}, {s}));
        g.node.push_back(node("Reshape", {a.name, s}, {v}));
        return add("Add", {a.name, v}, a.image);
      }
      case 12:
      case 13: {  // joined, and back to four channels; `a` and `b` may go into several joins
        if (!a.image || a.name == b.name) return add("Tanh", {a.name}, a.image);
        const std::string p = fresh();
        g.node.push_back(node("Concat", {a.name, b.name}, {p}, {attr("axis", int64_t{1})}));
        return add("Conv", {p, "w8"}, true, {attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
      }
      case 14:
        if (!a.image) return add("Sigmoid", {a.name}, false);
        return add("BatchNormalization", {a.name, "scale", "bias", "mean", "var"}, true);
      default: {
        if (!a.image) return add("Max", {a.name, b.name}, a.image);
        const std::string p = fresh();  // squeeze and excite
        g.node.push_back(node("GlobalAveragePool", {a.name}, {p}));
        return add("Mul", {a.name, p}, true);
      }
    }
  }
};

TEST(Session, RandomGraphsMeanTheSameAtEveryLevel) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    RandomGraph random(seed);
    const onnx::Model m = model(random.g);
    auto plain = import_model(*file(m));
    ASSERT_TRUE(plain.ok()) << plain.status().message();
    std::vector<std::shared_ptr<Session>> sessions;
    for (Level level : {Level::kOff, Level::kBasic, Level::kFull})
      sessions.push_back(session(m, {.threads = 2, .level = level}));
    for (const Shape& shape :
         {Shape{1, 4, 3, 5}, Shape{2, 4, 1, 1}, Shape{1, 4, 6, 1}, Shape{0, 4, 2, 2}, Shape{1, 4, 3, 5}}) {
      const Tensor x = random_tensor(shape, random.rng), z = random_tensor(shape, random.rng);
      const Tensor x_before = *Tensor::borrow(x.dtype(), x.shape(), x.raw(), nullptr).owned();
      auto expected = evaluate(*plain->graph, std::vector<Value>{x, z});
      ASSERT_TRUE(expected.ok()) << expected.status().message();
      for (size_t l = 0; l < sessions.size(); ++l) {
        // Borrowed, as a caller's memory is.
        const Inputs in = {{"z", Tensor::borrow(z.dtype(), z.shape(), z.raw(), nullptr)},
                           {"x", Tensor::borrow(x.dtype(), x.shape(), x.raw(), nullptr)}};
        auto out = sessions[l]->run(in);
        ASSERT_TRUE(out.ok()) << out.status().message();
        ASSERT_EQ(out->size(), expected->size());
        for (size_t o = 0; o < out->size(); ++o)
          // Sums along an axis round differently in another memory order.
          expect_same((*out)[o], (*expected)[o], l == 2 ? 1e-4f : 2e-6f,
                      cat("level ", l, " shape ", shape, " output ", o, "\n", ir::print(*plain->graph)));
        expect_same(x, x_before, 0, "the caller's input");
        std::vector<ir::Fact> facts(2, {ir::Type::tensor(DType::kFloat32, symbolic(shape)), {}, {}});
        auto binding = bind_shapes(sessions[l]->plan(), facts);
        ASSERT_TRUE(binding.ok());
        check_binding(sessions[l]->plan(), **binding);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

Tensor f(const Shape& shape, std::vector<float> v) { return Tensor::of<float>(shape, v); }

// One session per level; every output against `evaluate`. Only the full level may sum in another order.
void compare(const onnx::Graph& g, const Inputs& in, const std::vector<Value>& ordered, float tolerance = 0) {
  auto plain = import_model(*file(model(g)));
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  auto expected = evaluate(*plain->graph, ordered);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  for (Level level : {Level::kOff, Level::kBasic, Level::kFull}) {
    auto s = session(model(g), {.threads = 2, .level = level, .strict_math = level != Level::kFull});
    ASSERT_TRUE(s);
    for (int again = 0; again < 2; ++again) {
      auto out = s->run(in);
      ASSERT_TRUE(out.ok()) << out.status().message();
      for (size_t o = 0; o < out->size(); ++o)
        expect_same((*out)[o], (*expected)[o], level == Level::kFull ? tolerance : 0, cat("output ", o));
    }
  }
}

// 3x3 over 16 channels is Winograd's unless the caller wants the sums in their own order; so too where the
// weights come with the run.
TEST(Session, StrictMathKeepsTheOrderOfSums) {
  std::mt19937 rng(3);
  const Tensor w = random_tensor({16, 16, 3, 3}, rng), x = random_tensor({1, 16, 12, 12}, rng);
  const auto span = w.span<float>();
  const onnx::Tensor stored = floats("w", {16, 16, 3, 3}, std::vector<float>(span.begin(), span.end()));
  const onnx::ValueInfo image = value("x", kFloat, {"1", "16", "12", "12"}),
                        weights = value("w", kFloat, {"16", "16", "3", "3"});
  for (const bool given : {false, true}) {
    const onnx::Model m =
        given ? model(graph({image, weights}, {value("y", kFloat)}, {node("Conv", {"x", "w"}, {"y"})}))
              : model(graph({image}, {value("y", kFloat)}, {node("Conv", {"x", "w"}, {"y"})}, {stored}));
    Inputs in{{"x", x}};
    std::vector<Value> ordered{x};
    if (given) in.emplace_back("w", w), ordered.push_back(w);
    auto plain = import_model(*file(m));
    ASSERT_TRUE(plain.ok());
    auto expected = evaluate(*plain->graph, ordered);
    auto strict = session(m, {.strict_math = true})->run(in);
    auto usual = session(m)->run(in);
    ASSERT_TRUE(expected.ok() && strict.ok() && usual.ok());
    expect_same((*strict)[0], (*expected)[0], 0, "strict");
    expect_same((*usual)[0], (*expected)[0], 1e-5f, "usual");
    const auto a = (*usual)[0].tensor()->span<float>(), b = (*strict)[0].tensor()->span<float>();
    EXPECT_FALSE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << "nothing is left to be strict about";
  }
}

// Some extents stated and some open, in two and three dimensions: methods are chosen from what is known.
TEST(Session, ConvolutionsOfPartlyKnownImages) {
  std::mt19937 rng(6);
  for (const auto& [shape, kernel] :
       {std::pair(Shape{1, 16, 9, 8}, Shape{20, 16, 3, 3}), {{2, 16, 5, 7, 6}, {20, 16, 3, 3, 3}}}) {
    const Tensor w = random_tensor(kernel, rng), x = random_tensor(shape, rng);
    const auto span = w.span<float>();
    const onnx::Tensor stored =
        floats("w", {kernel.begin(), kernel.end()}, std::vector<float>(span.begin(), span.end()));
    for (unsigned open = 0; open < 1u << shape.rank(); ++open) {
      std::vector<std::string> dims;
      for (size_t i = 0; i < shape.rank(); ++i)
        dims.push_back(open >> i & 1 && i != 1 ? cat("d", i) : cat(shape[i]));
      auto g = graph({value("x", kFloat, dims)}, {value("y", kFloat)}, {node("Conv", {"x", "w"}, {"y"})},
                     {stored});
      compare(g, Inputs{{"x", x}}, {x}, 3e-4f);  // the methods may differ
      if (testing::Test::HasFailure()) return;
    }
  }
}

// Methods by trial: the same results but for rounding, measured in the first session alone.
TEST(Session, TuningMeasuresOnce) {
  const auto file = std::filesystem::temp_directory_path() / cat("onward_session_tuning_", ::getpid());
  std::mt19937 rng(5);
  const Tensor w = random_tensor({24, 16, 3, 3}, rng), x = random_tensor({2, 16, 13, 12}, rng);
  const auto span = w.span<float>();
  const onnx::Tensor stored = floats("w", {24, 16, 3, 3}, std::vector<float>(span.begin(), span.end()));
  const onnx::Model m =
      model(graph({value("x", kFloat, {"2", "16", "13", "12"})}, {value("y", kFloat)},
                  {node("Conv", {"x", "w"}, {"y"}, {attr("auto_pad", "SAME_UPPER")})}, {stored}));
  const Inputs in{{"x", x}};
  auto want = session(m)->run(in);
  ASSERT_TRUE(want.ok());
  std::filesystem::file_time_type written;
  for (const TuningUse use : {TuningUse::kKnown, TuningUse::kSearch, TuningUse::kSearch, TuningUse::kKnown}) {
    auto s = session(m, {.tuning = use, .tuning_file = file});
    auto out = s->run(in);
    ASSERT_TRUE(out.ok()) << out.status().message();
    expect_same((*out)[0], (*want)[0], 3e-4f, "tuned");
    if (!std::filesystem::exists(file)) {
      EXPECT_EQ(use, TuningUse::kKnown);
      continue;
    }
    const auto now = std::filesystem::last_write_time(file);
    if (written != std::filesystem::file_time_type()) EXPECT_EQ(now, written) << "measured again";
    written = now;
  }
  EXPECT_TRUE(std::filesystem::remove(file));
}

// A value whose type the file does not state may arrive as anything: a kernel must not read it as what it is
// not.
TEST(Session, TypesThatTheModelDoesNotStateAreCheckedAtRun) {
  const auto untyped = [](const char* name) {
    onnx::ValueInfo v;
    v.name = name;
    v.type.emplace();  // of no kind
    return v;
  };
  const auto run = [&](const char* op, const Value& a, const Value& b) {
    auto s =
        session(model(graph({untyped("a"), untyped("b")}, {untyped("y")}, {node(op, {"a", "b"}, {"y"})})));
    auto out = s->run(Inputs{{"a", a}, {"b", b}});
    return out.ok() ? std::string() : std::string(out.status().message());
  };
  const Tensor floats = f({2}, {1, 2}), numbers = Tensor::of<int64_t>({2}, std::vector<int64_t>{1, 2});
  const Tensor text = Tensor::of<std::string>({2}, std::vector<std::string>{"a", "b"});
  const Tensor half = *convert(floats, DType::kFloat16);
  EXPECT_EQ(run("StringConcat", text, text), "");
  EXPECT_THAT(run("StringConcat", text, floats),
              HasSubstr("input 1 ('Y') is of type float, expected one of tensor(string)"));
  EXPECT_EQ(run("Add", floats, floats), "");
  EXPECT_THAT(run("Add", floats, numbers), HasSubstr("expected float"));
  EXPECT_THAT(run("Add", text, text), HasSubstr("input 0 ('A') is of type string, expected one of"));
  EXPECT_THAT(run("Add", half, half), HasSubstr("only where the model states the type"));
}

TEST(Session, InputsThatShareATypeVariableMustShareTheType) {
  const auto wrong = model(
      graph({value("a", onnx::Tensor::UINT8, {"2", "3"}), value("zero", onnx::Tensor::INT8, {})},
            {value("y", onnx::Tensor::INT32, {"2", "2"})}, {node("MatMulInteger", {"a", "b", "zero"}, {"y"})},
            {tensor<int8_t>("b", onnx::Tensor::INT8, {3, 2}, {1, 2, 3, 4, 5, 6})}));
  auto s = Session::create(load(wrong), {});
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.status().code(), Code::kInvalidModel);
  EXPECT_THAT(std::string(s.status().message()),
              HasSubstr("input 2 ('a_zero_point') is of type int8, expected uint8 like the inputs"));
}

TEST(Session, OutputsAreTheCallersOwn) {
  auto g = graph({value("x", kFloat, {"3"})},
                 {value("a", kFloat), value("b", kFloat), value("c", kFloat), value("d", kFloat),
                  value("e", kFloat), value("x", kFloat)},
                 {node("Identity", {"x"}, {"a"}), node("Relu", {"x"}, {"r"}), node("Identity", {"r"}, {"b"}),
                  node("Identity", {"r"}, {"c"}), node("Identity", {"w"}, {"d"}),
                  node("Reshape", {"r", "shape"}, {"e"})},
                 {floats("w", {3}, {7, 8, 9}), ints("shape", {3, 1})});
  const Tensor x = f({3}, {-1, 0, 1});
  compare(g, {{"x", x}}, {x});
  for (Level level : {Level::kOff, Level::kFull}) {
    auto s = session(model(g), {.level = level});
    auto out = s->run(Inputs{{"x", x}});
    ASSERT_TRUE(out.ok());
    std::set<const void*> places;
    for (Value& v : *out) {
      EXPECT_TRUE(places.insert(v.tensor()->raw()).second);
      for (float& y : v.tensor()->mutable_span<float>()) y = 99;
    }
    EXPECT_EQ(x.data<float>()[0], -1);
    auto again = s->run(Inputs{{"x", x}});
    ASSERT_TRUE(again.ok());
    EXPECT_EQ((*again)[3].tensor()->data<float>()[1], 8);
    auto chosen = s->run(Inputs{{"x", x}}, std::vector<std::string_view>{"d", "d", "x"});
    ASSERT_TRUE(chosen.ok());
    EXPECT_NE((*chosen)[0].tensor()->raw(), (*chosen)[1].tensor()->raw());
  }
}

TEST(Session, LayoutsAtOtherRanks) {
  std::mt19937 rng(5);
  for (size_t spatial : {1u, 2u, 3u}) {
    Shape xs{2, 3}, ws{5, 3};
    std::vector<int64_t> perm = {0}, wd = {5, 3};
    std::vector<std::string> dims = {"2", "3"};
    for (size_t i = 0; i < spatial; ++i) {
      xs.push_back(4);
      wd.push_back(3);
      dims.push_back(i ? "" : "L");
      perm.push_back(static_cast<int64_t>(i) + 2);
    }
    perm.push_back(1);
    const Tensor x = random_tensor(xs, rng), w = random_tensor(Shape(wd), rng);
    const auto span = w.span<float>();
    auto g = graph({value("x", kFloat, dims)}, {value("y", kFloat), value("u", kFloat)},
                   {node("Conv", {"x", "w"}, {"c"}), node("Relu", {"c"}, {"r"}),
                    node("Transpose", {"r"}, {"t"}, {attr("perm", perm)}), node("Add", {"t", "row"}, {"a"}),
                    node("Reshape", {"a", "flat"}, {"y"}),
                    node("Concat", {"c", "r"}, {"u"}, {attr("axis", int64_t{1})})},
                   {floats("w", wd, {span.begin(), span.end()}), floats("row", {5}, {1, 2, 3, 4, 5}),
                    ints("flat", {0, -1})});
    compare(g, {{"x", x}}, {x}, 1e-4f);
  }
}

TEST(Session, RankIsKnownOnlyAtRun) {
  const std::vector<std::vector<int64_t>> perms = {{0}, {1, 0}, {0, 2, 1}};
  for (const auto& perm : perms) {
    auto g = graph({value("x", kFloat)}, {value("y", kFloat), value("z", kFloat)},
                   {node("Transpose", {"x"}, {"t"}, {attr("perm", perm)}), node("Relu", {"t"}, {"r"}),
                    node("Add", {"r", "t"}, {"s"}), node("Reshape", {"s", "flat"}, {"y"}),
                    node("Transpose", {"s"}, {"q"}), node("Mul", {"q", "q"}, {"z"})},
                   {ints("flat", {-1})});
    std::mt19937 rng(1);
    Shape shape;
    for (size_t i = 0; i < perm.size(); ++i) shape.push_back(static_cast<int64_t>(i) + 2);
    const Tensor x = random_tensor(shape, rng);
    compare(g, {{"x", x}}, {x});
  }
}

TEST(Session, DataDependentShapes) {
  auto g = graph({value("x", kFloat, {"N"})}, {value("y", kFloat), value("n", kInt64)},
                 {node("NonZero", {"x"}, {"i"}), node("Squeeze", {"i", "axis"}, {"j"}),
                  node("Gather", {"x", "j"}, {"v"}), node("Relu", {"v"}, {"r"}),
                  node("Add", {"r", "v"}, {"y"}), node("Shape", {"v"}, {"n"})},
                 {ints("axis", {0})});
  for (const auto& v : {std::vector<float>{1, 0, -2, 0, 3}, {0, 0}, {5}, {}}) {
    const Tensor x = f({static_cast<int64_t>(v.size())}, v);
    compare(g, {{"x", x}}, {x});
  }
}

TEST(Session, PackedTypesHaveNoLayout) {
  auto g = graph(
      {value("x", kFloat, {"1", "4", "3", "3"})}, {value("y", kFloat)},
      {node("Conv", {"x", "w"}, {"c"}), node("Cast", {"c"}, {"q"}, {attr("to", int64_t{onnx::Tensor::INT4})}),
       node("Transpose", {"q"}, {"t"}, {attr("perm", std::vector<int64_t>{0, 2, 3, 1})}),
       node("Cast", {"t"}, {"y"}, {attr("to", int64_t{kFloat})})},
      {floats("w", {2, 4, 1, 1}, {1, 2, 0, 0, 0, 0, 1, 1})});
  std::mt19937 rng(3);
  const Tensor x = random_tensor({1, 4, 3, 3}, rng);
  compare(g, {{"x", x}}, {x});
}

TEST(Session, LoopsCarryShapesThatGrow) {
  onnx::Graph body = graph(
      {value("i", kInt64, {}), value("go", kBool, {}), value("s", kFloat)},
      {value("go2", kBool), value("s2", kFloat), value("k", kFloat)},
      {node("Identity", {"go"}, {"go2"}), node("Concat", {"s", "x"}, {"s2"}, {attr("axis", int64_t{0})}),
       node("ReduceSum", {"s2"}, {"k"}, {attr("keepdims", int64_t{0})})});
  auto g =
      graph({value("x", kFloat, {"2"})}, {value("y", kFloat), value("k", kFloat)},
            {node("Relu", {"x"}, {"start"}),
             node("Loop", {"m", "", "start"}, {"l", "k"}, {attr("body", body)}), node("Neg", {"l"}, {"y"})},
            {tensor("m", kInt64, {}, std::vector<int64_t>{4})});
  const Tensor x = f({2}, {-1, 2});
  compare(g, {{"x", x}}, {x});
}

onnx::Model wide() {
  return model(graph({value("x", kFloat, {"N", "64"})}, {value("y", kFloat)},
                     {node("Exp", {"x"}, {"a"}), node("Softmax", {"a"}, {"b"}),
                      node("Add", {"a", "b"}, {"c"}), node("Tanh", {"c"}, {"y"})}));
}

TEST(Session, ManyThreadsManyShapes) {
  auto s = session(wide(), {.threads = 2});
  auto plain = import_model(*file(wide()));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 rng(static_cast<unsigned>(t));
      for (int i = 0; i < 40; ++i) {
        const Tensor x = random_tensor({1 + static_cast<int64_t>(rng() % 9), 64}, rng);
        auto expected = evaluate(*plain->graph, std::vector<Value>{x});
        auto out = s->run(Inputs{{"x", x}});
        if (!out.ok() || std::memcmp((*out)[0].tensor()->raw(), (*expected)[0].tensor()->raw(),
                                     static_cast<size_t>(x.bytes())) != 0)
          ++wrong;
        if (i % 10 == 9) s->trim();
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Session, LimitsAreHeldAndTheNextRunWorks) {
  auto s = session(wide(), {.threads = 1});
  std::mt19937 rng(1);
  const Tensor x = random_tensor({1000, 64}, rng);
  const Inputs in = {{"x", x}};
  auto expect = [&](Code code, const RunOptions& o) {
    auto r = s->run(in, {}, o);
    ASSERT_FALSE(r.ok());
    EXPECT_EQ(r.status().code(), code) << r.status().message();
    EXPECT_TRUE(s->run(in).ok());
  };
  expect(Code::kLimitExceeded, {.memory_limit_bytes = 1000});
  // Enough for what is planned, not for the output beside it.
  expect(Code::kLimitExceeded, {.memory_limit_bytes = 1000 * 64 * 4 + 1000});
  EXPECT_TRUE(s->run(in, {}, {.memory_limit_bytes = int64_t{8} << 20}).ok());
  expect(Code::kDeadlineExceeded, {.timeout = std::chrono::microseconds(1)});
  EXPECT_TRUE(s->run(in, {}, {.timeout = std::chrono::microseconds(INT64_MAX)}).ok());
  std::atomic<bool> cancel{true};
  expect(Code::kCancelled, {.cancel = &cancel});
}

TEST(Session, CancelledFromAnotherThread) {
  onnx::Graph body = graph({value("i", kInt64, {}), value("go", kBool, {})}, {value("go2", kBool)},
                           {node("Identity", {"go"}, {"go2"})});
  auto g = graph({value("x", kFloat, {"1"})}, {value("y", kFloat)},
                 {node("Loop", {"m", ""}, {}, {attr("body", body)}), node("Relu", {"x"}, {"y"})},
                 {tensor("m", kInt64, {}, std::vector<int64_t>{INT64_MAX})});
  g.node[0].output = {"s"};
  body = graph({value("i", kInt64, {}), value("go", kBool, {}), value("a", kFloat)},
               {value("go2", kBool), value("b", kFloat)},
               {node("Identity", {"go"}, {"go2"}), node("Neg", {"a"}, {"b"})});
  g.node[0] = node("Loop", {"m", "", "x"}, {"y"}, {attr("body", body)});
  g.node.pop_back();
  auto s = session(model(g));
  std::atomic<bool> cancel{false};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    cancel = true;
  });
  auto r = s->run(Inputs{{"x", f({1}, {1})}}, {}, {.cancel = &cancel});
  other.join();
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.status().code(), Code::kCancelled);
  auto late = s->run(Inputs{{"x", f({1}, {1})}}, {}, {.timeout = std::chrono::milliseconds(20)});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.status().code(), Code::kDeadlineExceeded);
}

TEST(Session, WrongInputsAreNamed) {
  auto s = session(wide());
  auto expect = [&](const Inputs& in, const char* text) {
    auto r = s->run(in);
    ASSERT_FALSE(r.ok());
    EXPECT_EQ(r.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(std::string(r.status().message()), HasSubstr(text));
  };
  const Tensor x = f({1, 2}, {1, 2});
  expect({}, "input 'x' is missing");
  expect({{"q", x}}, "no input 'q'");
  expect({{"x", x}, {"x", x}}, "given twice");
  expect({{"x", x}}, "expected float[N,64] (axis 1)");
  expect({{"x", Tensor::scalar(1.0f)}}, "expected float[N,64]");
  expect({{"x", Tensor::scalar(int64_t{1})}}, "expected float[N,64]");
  expect({{"x", Value()}}, "not a tensor");
  expect({{"x", Value(Sequence{})}}, "not a tensor");
  EXPECT_FALSE(s->run(Inputs{{"x", x}}, std::vector<std::string_view>{"nothing"}).ok());
}

TEST(Session, SequencesHoldWhatTheyDeclare) {
  onnx::ValueInfo in = value("s", kFloat);
  onnx::Type element = *in.type, seq;
  onnx::Type::Sequence of;
  of.elem_type = element;
  seq.sequence_type = of;
  in.type = seq;
  auto s = session(model(graph({in}, {value("y", kFloat)},
                               {node("ConcatFromSequence", {"s"}, {"y"}, {attr("axis", int64_t{0})})})));
  EXPECT_TRUE(s->run(Inputs{{"s", Value(Sequence{f({1}, {1}), f({2}, {2, 3})})}}).ok());
  EXPECT_FALSE(s->run(Inputs{{"s", f({1}, {1})}}).ok());
  EXPECT_FALSE(s->run(Inputs{{"s", Value(Sequence{f({1}, {1}), Tensor::scalar(int64_t{1})})}}).ok());
  EXPECT_FALSE(s->run(Inputs{{"s", Value(Sequence{Value()})}}).ok());
}

TEST(Session, ProfilesAreJson) {
  auto m = wide();
  m.graph->node[0].name = "quote\" back\\slash \x01 \xff\xc0\xaf \xe2\x82\xac";
  const std::string path = cat(::testing::TempDir(), "trace.json");
  {
    auto s = session(m, {.profile_path = path, .profile = true, .skipped_passes = {"elementwise"}});
    ASSERT_TRUE(s->run(Inputs{{"x", f({1, 64}, std::vector<float>(64))}}).ok());
    auto rows = nlohmann::json::parse(s->profiler().summary_json());
    EXPECT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[0]["calls"], 1);
    EXPECT_EQ(nlohmann::json::parse(s->placement_json())["nodes"].size(), 4u);
  }
  auto written = MappedFile::open(path);
  ASSERT_TRUE(written.ok());
  auto trace = nlohmann::json::parse((*written)->text());
  ASSERT_EQ(trace.size(), 4u);
  EXPECT_EQ(trace[0]["name"], "quote\" back\\slash \x01 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xe2\x82\xac");
}

TEST(Session, WorksAfterFork) {
  auto s = session(wide(), {.threads = 2});
  std::mt19937 rng(2);
  const Tensor x = random_tensor({4000, 64}, rng);
  ASSERT_TRUE(s->run(Inputs{{"x", x}}).ok());
  const pid_t child = fork();
  if (child == 0) _exit(s->run(Inputs{{"x", x}}).ok() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(s->run(Inputs{{"x", x}}).ok());
}

// y = Expand(x, Shape(z)) + z, which folds away where x and z have one symbol.
TEST(Session, ASymbolMayStandForTwoSizes) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"N"}), value("z", kFloat, {"N"})};
  g.output = {value("y", kFloat, {"N"}), value("s", kInt64, {"1"})};
  g.node = {node("Shape", {"z"}, {"zs"}), node("Expand", {"x", "zs"}, {"e"}), node("Add", {"e", "z"}, {"y"}),
            node("Shape", {"e"}, {"s"})};
  std::vector<std::string> warnings;
  SessionOptions o;
  o.log_level = LogLevel::kWarning;
  o.log_sink = [&](LogLevel, std::string_view text) { warnings.emplace_back(text); };
  auto s = session(model(g), o);
  const Tensor one = Tensor::of<float>({1}, std::vector<float>{10});
  const Tensor three = Tensor::of<float>({3}, std::vector<float>{1, 2, 3});
  for (int i = 0; i < 2; ++i) {
    auto y = s->run(Inputs{{"x", one}, {"z", three}});
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_THAT((*y)[0].tensor()->span<float>(), ::testing::ElementsAre(11, 12, 13));
    EXPECT_THAT((*y)[1].tensor()->span<int64_t>(), ::testing::ElementsAre(3));
  }
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], ::testing::AllOf(HasSubstr("'z'"), HasSubstr("'N'")));
  auto same = s->run(Inputs{{"x", three}, {"z", three}});
  ASSERT_TRUE(same.ok()) << same.status().message();
  EXPECT_THAT((*same)[0].tensor()->span<float>(), ::testing::ElementsAre(2, 4, 6));
  s->trim();
  const Tensor two = Tensor::of<float>({2}, std::vector<float>{1, 2});
  EXPECT_FALSE(s->run(Inputs{{"x", two}, {"z", three}}).ok());  // 2 and 3 do not broadcast
}

TEST(Session, SeededRunsDrawTheSameNumbersInEverySession) {
  onnx::Graph g;
  g.output = {value("a", kFloat, {"4"}), value("b", kFloat, {"4"}), value("c", kFloat, {"4"})};
  g.node = {node("RandomNormal", {}, {"a"}, {attr("shape", std::vector<int64_t>{4})}),
            node("RandomNormal", {}, {"b"}, {attr("shape", std::vector<int64_t>{4})}),
            node("RandomNormal", {}, {"c"}, {attr("shape", std::vector<int64_t>{4}), attr("seed", 3.0f)})};
  const auto draw = [](Session& s) {
    std::vector<std::vector<float>> out;
    auto results = s.run(Inputs{});
    EXPECT_TRUE(results.ok()) << results.status().message();
    for (const Value& v : *results) {
      const auto values = v.tensor()->span<float>();
      out.emplace_back(values.begin(), values.end());
    }
    return out;
  };
  SessionOptions seeded, other;
  seeded.random_seed = 5;
  other.random_seed = 6;
  auto a = session(model(g), seeded), b = session(model(g), seeded), c = session(model(g), other);
  const auto first = draw(*a), second = draw(*a);
  EXPECT_EQ(first, draw(*b));
  EXPECT_EQ(second, draw(*b));
  EXPECT_NE(first[0], first[1]);
  EXPECT_NE(first[0], second[0]);
  EXPECT_EQ(first[2], second[2]);  // its own seed
  EXPECT_NE(first[0], draw(*c)[0]);
  auto clock = session(model(g));
  EXPECT_NE(draw(*clock)[0], draw(*clock)[0]);
}

TEST(Session, SparseInitializersAreSparseOutputsWhereTheFileSaysSo) {
  onnx::Graph g;
  g.input = {value("x", kFloat, {"2"})};
  onnx::ValueInfo out = value("w", kFloat, {"5"});
  auto& type = out.type->sparse_tensor_type.emplace();
  static_cast<onnx::Type::Tensor&>(type) = *out.type->tensor_type;
  out.type->tensor_type.reset();
  g.output = {value("y", kFloat, {"2"}), out};
  onnx::SparseTensor w;
  w.values = floats("w", {2}, {7, 0});  // a zero that is listed stays listed
  w.indices = ints("at", {1, 4});
  w.dims = {5};
  g.sparse_initializer = {w};
  g.node = {node("Relu", {"x"}, {"y"})};
  auto s = session(model(g));
  EXPECT_EQ(s->outputs()[1].type.text(), "sparse float[5]");
  auto y = s->run(Inputs{{"x", Tensor::of<float>({2}, std::vector<float>{1, -1})}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  const SparseValue* sparse = (*y)[1].sparse();
  ASSERT_TRUE(sparse);
  EXPECT_THAT(sparse->values.span<float>(), ::testing::ElementsAre(7, 0));
  EXPECT_THAT(sparse->indices.span<int64_t>(), ::testing::ElementsAre(1, 4));
  EXPECT_EQ(sparse->dense_shape, (Shape{5}));
}

}  // namespace
}  // namespace ow
