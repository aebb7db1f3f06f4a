// A result is the same bit for bit with any number of threads, and for a row alone or in a batch; with
// strict_math that of a product of float32 is with each instruction set, too.
#include <cstring>
#include <optional>

#include "numerics/check.h"
#include "numerics/network.h"
#include "numerics/values.h"

namespace ow::numerics {
namespace {

using test::attr;
using test::node;

constexpr int64_t kBatch = 5;

// x, [N, ...] -> y, of which `axis` of x and y counts the batch.
struct Case {
  std::string name;
  Shape item;  // of x without the batch
  std::vector<onnx::Node> nodes;
  std::vector<onnx::Tensor> weights;
  size_t axis = 0, y_axis = 0;
  // Whether it has functions beside its products, which each instruction set computes in its own way.
  bool has_functions = false;
};

onnx::Tensor weight(std::string name, std::vector<int64_t> dims, uint32_t seed = 7) {
  size_t n = 1;
  for (int64_t d : dims) n *= static_cast<size_t>(d);
  return test::floats(std::move(name), std::move(dims), normals(n, 0.2f, seed));
}

std::vector<Case> products() {
  const std::vector<int64_t> pads = {1, 1, 1, 1};
  return {
      {"MatMul by weights", {37, 213}, {node("MatMul", {"x", "w"}, {"y"})}, {weight("w", {213, 45})}},
      {"MatMul of a row", {213}, {node("MatMul", {"x", "w"}, {"y"})}, {weight("w", {213, 45})}},
      {"MatMul of two inputs",
       {37, 64},
       {node("Transpose", {"x"}, {"t"}, {attr("perm", std::vector<int64_t>{0, 2, 1})}),
        node("MatMul", {"x", "t"}, {"y"})},
       {}},
      {"Gemm and Gelu",
       {213},
       {node("Gemm", {"x", "w", "b"}, {"g"}), node("Gelu", {"g"}, {"y"})},
       {weight("w", {213, 45}), weight("b", {45}, 8)},
       0,
       0,
       true},
      {"Gemm of long rows",
       {5013},
       {node("Gemm", {"x", "w", "b"}, {"g"}), node("Relu", {"g"}, {"y"})},
       {weight("w", {5013, 45}), weight("b", {45}, 8)}},
      {"Products, Mul, Add and Relu",
       {37, 64},
       {node("MatMul", {"x", "w"}, {"a"}), node("Mul", {"a", "x"}, {"m"}), node("Add", {"m", "a"}, {"s"}),
        node("Relu", {"s"}, {"r"}), node("Mul", {"r", "b"}, {"t"}), node("MatMul", {"t", "w"}, {"y"})},
       {weight("w", {64, 64}), weight("b", {64}, 8)}},
      {"Einsum", {37, 64}, {node("Einsum", {"x", "x"}, {"y"}, {attr("equation", "bik,bjk->bij")})}, {}},
      {"Conv 3x3",
       {16, 23, 19},
       {node("Conv", {"x", "w"}, {"c"}, {attr("pads", pads)}), node("Relu", {"c"}, {"y"})},
       {weight("w", {24, 16, 3, 3})}},
      {"Conv 1x1", {16, 23, 19}, {node("Conv", {"x", "w"}, {"y"})}, {weight("w", {24, 16, 1, 1})}},
      {"Conv 5x5, stride 2",
       {3, 23, 19},
       {node("Conv", {"x", "w"}, {"y"}, {attr("strides", std::vector<int64_t>{2, 2})})},
       {weight("w", {24, 3, 5, 5})}},
      {"Conv in groups, and a residual",
       {24, 23, 19},
       {node("Conv", {"x", "w", "b"}, {"c"}, {attr("pads", pads), attr("group", int64_t{3})}),
        node("Add", {"c", "x"}, {"s"}), node("Relu", {"s"}, {"y"})},
       {weight("w", {24, 8, 3, 3}), weight("b", {24}, 8)}},
      {"Conv, depthwise",
       {24, 23, 19},
       {node("Conv", {"x", "w"}, {"y"}, {attr("pads", pads), attr("group", int64_t{24})})},
       {weight("w", {24, 1, 3, 3})}},
      {"Conv, depthwise behind another",
       {16, 23, 19},
       {node("Conv", {"x", "v", "b"}, {"c"}), node("Relu", {"c"}, {"r"}),
        node("Conv", {"r", "w"}, {"y"}, {attr("pads", pads), attr("group", int64_t{40})})},
       {weight("v", {40, 16, 1, 1}), weight("b", {40}, 8), weight("w", {40, 1, 3, 3})}},
      {"ConvTranspose",
       {16, 11, 9},
       {node("ConvTranspose", {"x", "w"}, {"y"}, {attr("strides", std::vector<int64_t>{2, 2})})},
       {weight("w", {16, 8, 3, 3})}},
      {"Attention", {2, 77, 32}, {node("Attention", {"x", "x", "x"}, {"y"})}, {}, 0, 0, true},
      {"Attention, causal",
       {2, 77, 32},
       {node("Attention", {"x", "x", "x"}, {"y"}, {attr("is_causal", int64_t{1})})},
       {},
       0,
       0,
       true},
  };
}

std::vector<Case> rows_and_windows() {
  const std::vector<int64_t> kernel = {3, 3}, last = {-1};
  return {
      {"Softmax, last axis", {37, 1029}, {node("Softmax", {"x"}, {"y"})}, {}},
      {"Softmax, middle axis", {137, 29}, {node("Softmax", {"x"}, {"y"}, {attr("axis", int64_t{1})})}, {}},
      {"LogSoftmax", {37, 1029}, {node("LogSoftmax", {"x"}, {"y"})}, {}},
      {"LayerNormalization",
       {37, 213},
       {node("LayerNormalization", {"x", "w", "b"}, {"y"})},
       {weight("w", {213}), weight("b", {213}, 8)}},
      {"RMSNormalization", {37, 213}, {node("RMSNormalization", {"x", "w"}, {"y"})}, {weight("w", {213})}},
      {"InstanceNormalization",
       {24, 23, 19},
       {node("InstanceNormalization", {"x", "w", "b"}, {"y"})},
       {weight("w", {24}), weight("b", {24}, 8)}},
      {"GroupNormalization",
       {24, 23, 19},
       {node("GroupNormalization", {"x", "w", "b"}, {"y"}, {attr("num_groups", int64_t{4})})},
       {weight("w", {24}), weight("b", {24}, 8)}},
      {"Resize, linear",
       {4, 23, 19},
       {node("Resize", {"x", "", "s"}, {"y"}, {attr("mode", "linear")})},
       {test::floats("s", {4}, {1, 1, 1.7f, 2.3f})}},
      {"Resize, cubic",
       {4, 23, 19},
       {node("Resize", {"x", "", "s"}, {"y"}, {attr("mode", "cubic")})},
       {test::floats("s", {4}, {1, 1, 1.7f, 2.3f})}},
      {"MaxPool", {24, 23, 19}, {node("MaxPool", {"x"}, {"y"}, {attr("kernel_shape", kernel)})}, {}},
      {"AveragePool", {24, 23, 19}, {node("AveragePool", {"x"}, {"y"}, {attr("kernel_shape", kernel)})}, {}},
      {"GlobalAveragePool", {24, 123, 119}, {node("GlobalAveragePool", {"x"}, {"y"})}, {}},
      {"ReduceSum", {37, 10029}, {node("ReduceSum", {"x", "a"}, {"y"})}, {test::ints("a", last)}},
      {"ReduceMean, middle axis",
       {1037, 29},
       {node("ReduceMean", {"x", "a"}, {"y"})},
       {test::ints("a", {1})}},
      {"ReduceLogSumExp", {37, 10029}, {node("ReduceLogSumExp", {"x", "a"}, {"y"})}, {test::ints("a", last)}},
      {"Elementwise chain",
       {37, 1029},
       {node("Exp", {"x"}, {"e"}), node("Tanh", {"e"}, {"t"}), node("Mul", {"t", "x"}, {"y"})},
       {}},
      {"LSTM",
       {11, 20},
       {node("Transpose", {"x"}, {"s"}, {attr("perm", std::vector<int64_t>{1, 0, 2})}),
        node("LSTM", {"s", "w", "r"}, {"y"}, {attr("hidden_size", int64_t{17})})},
       {weight("w", {1, 68, 20}), weight("r", {1, 68, 17}, 8)},
       0,
       2},
      {"GRU",
       {11, 20},
       {node("Transpose", {"x"}, {"s"}, {attr("perm", std::vector<int64_t>{1, 0, 2})}),
        node("GRU", {"s", "w", "r"}, {"y"}, {attr("hidden_size", int64_t{17})})},
       {weight("w", {1, 51, 20}), weight("r", {1, 51, 17}, 8)},
       0,
       2},
  };
}

Network network_of(const Case& c, int threads, bool strict) {
  std::vector<std::string> dims = {"N"};
  for (int64_t d : c.item.dims()) dims.push_back(std::to_string(d));
  return Network(
      test::graph({test::value("x", kFloat, dims)}, {test::value("y", kFloat)}, c.nodes, c.weights),
      {.threads = threads, .strict = strict});
}

Tensor input(const Case& c, int64_t first, int64_t count) {
  std::vector<int64_t> dims = {count};
  for (int64_t d : c.item.dims()) dims.push_back(d);
  const auto all = normals(static_cast<size_t>(kBatch * c.item.count()), 1.5f);
  return Tensor::of(Shape(dims), std::span(all).subspan(static_cast<size_t>(first * c.item.count()),
                                                        static_cast<size_t>(count * c.item.count())));
}

double differing(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return static_cast<double>(a.size() + b.size());
  double n = 0;
  for (size_t i = 0; i < a.size(); ++i) n += std::memcmp(&a[i], &b[i], sizeof(float)) != 0;
  return n;
}

// The part of y that belongs to item i.
std::vector<float> part_of(const Tensor& y, size_t axis, int64_t i) {
  const int64_t outer = y.shape().count(0, axis), inner = y.shape().count(axis + 1, y.rank()),
                n = y.dim(axis);
  std::vector<float> out;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t k = 0; k < inner; ++k) out.push_back(y.span<float>()[(o * n + i) * inner + k]);
  return out;
}

double differences(const Case& c, bool strict) {
  double n = 0;
  std::optional<Tensor> first;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    const Tensor x = input(c, 0, kBatch);
    const Network one = network_of(c, 1, strict);
    const Tensor y = one.run({{"x", x}})[0];
    if (first && strict && !c.has_functions) n += differing(y.span<float>(), first->span<float>());
    if (!first) first = y;
    for (int threads : {2, 3})
      n += differing(y.span<float>(), network_of(c, threads, strict).run({{"x", x}})[0].span<float>());
    for (int64_t i = 0; i < kBatch; ++i) {
      const Tensor alone = one.run({{"x", input(c, i, 1)}})[0];
      n += differing(part_of(y, c.y_axis, i), part_of(alone, c.y_axis, 0));
    }
    kernels::clear_forced_isa();
  }
  return n;
}

}  // namespace

Checks check_invariance() {
  Checks out;
  const std::string variants = cat("1, 2, 3 threads, alone and in a batch of ", kBatch);
  const auto add = [&](const Case& c, bool strict, const std::string& text) {
    out.push_back({cat(c.name, text, variants), differences(c, strict), 0, "elements that differ"});
  };
  for (const auto& cases : {products(), rows_and_windows()})
    for (const Case& c : cases) add(c, false, ": ");
  for (const Case& c : products())
    add(c, true, c.has_functions ? ", strict_math: " : ", strict_math: each instruction set, ");
  return out;
}

}  // namespace ow::numerics
