// NaN propagates as in numpy, wherever it stands; zeros have their sign; the caller's control word stays as
// it was, and denormals do not stop the processor.
#include <algorithm>
#include <chrono>
#include <cstring>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "numerics/check.h"
#include "numerics/error.h"
#include "numerics/network.h"
#include "numerics/values.h"

namespace ow::numerics {
namespace {

using test::attr;
using test::node;
const float kNan = std::nanf("");

template <class F>
Check on_each_isa(std::string name, std::string unit, F count) {
  double wrong = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    wrong += count();
    kernels::clear_forced_isa();
  }
  return {std::move(name), wrong, 0, std::move(unit)};
}

// NaN at each place of a row in turn: that element of y, or all of y where it is one, is NaN, and no other.
Check check_nan_element(std::string name, std::vector<onnx::Node> nodes) {
  return on_each_isa(name, "wrong elements", [&] {
    const Network network = Network::of_one(nodes);
    double wrong = 0;
    for (size_t n : {size_t{1}, size_t{7}, size_t{67}})
      for (size_t at = 0; at < n; ++at) {
        auto x = normals(n);
        x[at] = kNan;
        const Tensor y = network.run({{"x", floats({static_cast<int64_t>(n)}, x)}})[0];
        for (size_t i = 0; i < n; ++i) wrong += std::isnan(y.span<float>()[i]) != (i == at);
      }
    return wrong;
  });
}

Check check_nan_fold(std::string name, std::vector<int64_t> dims, std::vector<onnx::Node> nodes,
                     std::vector<onnx::Tensor> weights = {}) {
  return on_each_isa(name, "results that are not NaN", [&] {
    std::vector<std::string> sizes;
    size_t n = 1;
    for (int64_t d : dims) sizes.push_back(std::to_string(d)), n *= static_cast<size_t>(d);
    const Network network(
        test::graph({test::value("x", kFloat, sizes)}, {test::value("y", kFloat)}, nodes, weights));
    double wrong = 0;
    for (size_t at = 0; at < n; ++at) {
      auto x = normals(n);
      x[at] = kNan;
      const Tensor y = network.run({{"x", floats(Shape(dims), x)}})[0];
      wrong +=
          std::none_of(y.span<float>().begin(), y.span<float>().end(), [](float v) { return std::isnan(v); });
    }
    return wrong;
  });
}

Check check_arg_max() {
  return on_each_isa("ArgMax: the first NaN", "wrong places", [] {
    const Network network(test::graph({test::value("x", kFloat, {"N"})},
                                      {test::value("y", onnx::Tensor::INT64)},
                                      {node("ArgMax", {"x"}, {"y"})}));
    double wrong = 0;
    for (size_t at = 0; at < 67; ++at) {
      auto x = normals(67);
      x[at] = x[66] = kNan;
      wrong += network.run({{"x", floats({67}, x)}})[0].span<int64_t>()[0] != static_cast<int64_t>(at);
    }
    return wrong;
  });
}

// y of x, bit for bit.
struct Point {
  const char* op;
  float x, y;
};
Check check_points() {
  constexpr Point points[] = {
      {"Gelu", -kInf, -0.0f},  {"Gelu", kInf, kInf},   {"Gelu", -0.0f, -0.0f},      {"Mish", -kInf, -0.0f},
      {"Swish", -kInf, -0.0f}, {"Tanh", -0.0f, -0.0f}, {"Erf", -0.0f, -0.0f},       {"Sin", -0.0f, -0.0f},
      {"Exp", -kInf, 0.0f},    {"Exp", kInf, kInf},    {"Log", 0.0f, -kInf},        {"Sigmoid", -kInf, 0.0f},
      {"Sigmoid", kInf, 1.0f}, {"Sqrt", -0.0f, -0.0f}, {"Abs", -0.0f, 0.0f},        {"Neg", 0.0f, -0.0f},
      {"Round", -0.4f, -0.0f}, {"Ceil", -0.4f, -0.0f}, {"Reciprocal", -0.0f, -kInf}};
  return on_each_isa("Gelu(-inf) = -0 and other limits", "wrong points", [&] {
    double wrong = 0;
    for (const Point& p : points) {
      float y;
      Network::of_one({node(p.op, {"x"}, {"y"})}).run(std::span(&p.x, 1), std::span(&y, 1));
      wrong += !is_same(y, p.y);
    }
    return wrong;
  });
}

#if defined(__x86_64__)
Check check_control_word() {
  const unsigned kept = _mm_getcsr();
  double changed = 0;
  for (unsigned mode : {0u, unsigned{_MM_FLUSH_ZERO_ON}, unsigned{_MM_ROUND_TOWARD_ZERO}}) {
    _mm_setcsr((kept & ~0x3fu) | mode);
    const unsigned before = _mm_getcsr() & ~0x3fu;  // without the flags of what happened
    const Network network(test::graph({test::value("x", kFloat, {"N", "64"})}, {test::value("y", kFloat)},
                                      {node("MatMul", {"x", "w"}, {"m"}), node("Gelu", {"m"}, {"y"})},
                                      {test::floats("w", {64, 64}, normals(4096))}),
                          {.threads = 2});
    network.run({{"x", floats({64, 64}, normals(4096))}});
    changed += (_mm_getcsr() & ~0x3fu) != before;
  }
  _mm_setcsr(kept);
  return {"Control word (MXCSR) after a run", changed, 0, "changes"};
}
#endif

double seconds(const Network& network, const Network::Inputs& in) {
  double best = 1e9;
  for (int i = 0; i < 30; ++i) {
    const auto start = std::chrono::steady_clock::now();
    network.run(in);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// Inputs, and with weights products, below the normal numbers against ordinary ones.
Check check_denormals(std::string name, const onnx::Graph& graph, const Shape& shape) {
  const Network network(graph);
  auto x = normals(static_cast<size_t>(shape.count()));
  const double usual = seconds(network, {{"x", floats(shape, x)}});
  for (float& v : x) v *= 1e-40f;
  return {cat(name, " of denormals"), seconds(network, {{"x", floats(shape, x)}}) / usual, 2, "times as long",
          true};
}

}  // namespace

Checks check_specials() {
  Checks out;
  const auto one = [](const char* op, std::vector<onnx::Attribute> a = {}) {
    return std::vector<onnx::Node>{node(op, {"x"}, {"y"}, std::move(a))};
  };
  for (const char* op : {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Gelu", "Swish", "Mish", "Elu",
                         "HardSigmoid", "HardSwish", "Softplus", "Erf", "Exp", "Round"})
    out.push_back(check_nan_element(cat("NaN through ", op), one(op)));
  const auto constant = [](const char* name, float v) {
    return node("Constant", {}, {name}, {attr("value_float", v)});
  };
  out.push_back(check_nan_element(
      "NaN through Clip", {constant("a", -1), constant("b", 1), node("Clip", {"x", "a", "b"}, {"y"})}));
  out.push_back(check_nan_element("NaN through Max", {constant("a", 0), node("Max", {"x", "a"}, {"y"})}));
  out.push_back(
      check_nan_element("NaN through Max, second", {constant("a", 0), node("Max", {"a", "x"}, {"y"})}));
  out.push_back(check_nan_element("NaN through Min", {constant("a", 0), node("Min", {"x", "a"}, {"y"})}));
  for (const char* op : {"ReduceMax", "ReduceMin", "ReduceSum", "ReduceMean", "ReduceLogSumExp"})
    for (const std::vector<int64_t>& dims : {std::vector<int64_t>{133}, std::vector<int64_t>{19, 7}})
      out.push_back(check_nan_fold(cat("NaN through ", op, " of ", dims.size(), " axes"), dims,
                                   {node(op, {"x", "a"}, {"y"})}, {test::ints("a", {0})}));
  const std::vector<int64_t> window = {3, 3};
  out.push_back(
      check_nan_fold("NaN through MaxPool", {1, 3, 7, 9}, one("MaxPool", {attr("kernel_shape", window)})));
  out.push_back(check_nan_fold("NaN through MaxPool of 17 channels", {1, 17, 5, 5},
                               one("MaxPool", {attr("kernel_shape", window)})));
  out.push_back(check_nan_fold("NaN through GlobalMaxPool", {1, 3, 7, 9}, one("GlobalMaxPool")));
  out.push_back(check_nan_fold("NaN through Softmax", {5, 37}, one("Softmax")));
  out.push_back(check_arg_max());
  out.push_back(check_points());
#if defined(__x86_64__)
  out.push_back(check_control_word());
#endif
  out.push_back(check_denormals(
      "MatMul",
      test::graph({test::value("x", kFloat, {"256", "256"})}, {test::value("y", kFloat)},
                  {node("MatMul", {"x", "w"}, {"y"})}, {test::floats("w", {256, 256}, normals(65536))}),
      {256, 256}));
  out.push_back(check_denormals(
      "Conv 3x3",
      test::graph({test::value("x", kFloat, {"1", "32", "30", "30"})}, {test::value("y", kFloat)},
                  {node("Conv", {"x", "w"}, {"y"})}, {test::floats("w", {32, 32, 3, 3}, normals(9216))}),
      {1, 32, 30, 30}));
  for (const char* op : {"Exp", "Tanh", "Gelu", "Softmax"})
    out.push_back(check_denormals(
        op, test::graph({test::value("x", kFloat, {"256", "256"})}, {test::value("y", kFloat)}, one(op)),
        {256, 256}));
  return out;
}

}  // namespace ow::numerics
