// A sum in float32 may be off by 2 eps sum |x|, eps = 2^-23, however many terms it has, and so may a product
// of random matrices; one of any with strict_math by 1. Convolutions without it may be off by more.
#include <cstring>

#include "numerics/check.h"
#include "numerics/error.h"
#include "numerics/network.h"
#include "numerics/values.h"

namespace ow::numerics {
namespace {

using test::attr;
using test::node;

// What a result may be off by, in eps: the distance from `want` over eps `scale`.
double over_scale(float got, double want, double scale) {
  return std::fabs(static_cast<double>(got) - want) / (kEps * scale);
}

struct Reduction {
  const char* op;
  double (*term)(double);
  double (*finish)(double sum, double n);
};
constexpr Reduction kReductions[] = {
    {"ReduceSum", [](double x) { return x; }, [](double s, double) { return s; }},
    {"ReduceMean", [](double x) { return x; }, [](double s, double n) { return s / n; }},
    {"ReduceL1", [](double x) { return std::fabs(x); }, [](double s, double) { return s; }},
    {"ReduceSumSquare", [](double x) { return x * x; }, [](double s, double) { return s; }},
    {"ReduceL2", [](double x) { return x * x; }, [](double s, double) { return std::sqrt(s); }},
};

// Along the last axis of [2, n], and along the first of [n, 3].
double reduce_error(const Reduction& r, int64_t n, Data data, bool first) {
  const Network network(test::graph({test::value("x", kFloat, {"A", "B"})}, {test::value("y", kFloat)},
                                    {node(r.op, {"x", "axes"}, {"y"}, {attr("keepdims", int64_t{0})})},
                                    {test::ints("axes", {first ? 0 : 1})}));
  const int64_t lines = first ? 3 : 2;
  const auto x = values(data, static_cast<size_t>(n * lines));
  const Tensor y = network.run({{"x", floats(first ? Shape{n, lines} : Shape{lines, n}, x)}})[0];
  double worst = 0;
  for (int64_t line = 0; line < lines; ++line) {
    long double sum = 0, size = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double t = r.term(static_cast<double>(x[first ? i * lines + line : line * n + i]));
      sum += t, size += std::fabs(t);
    }
    const double want = r.finish(static_cast<double>(sum), static_cast<double>(n));
    const double scale = r.finish(static_cast<double>(size), static_cast<double>(n));
    worst = std::fmax(worst, over_scale(y.span<float>()[line], want, scale));
  }
  return worst;
}

// c[i, j] = sum_k a[i, k] b[k, j] against long double; `at(c)` finds an element.
struct Product {
  int64_t m, n, k;
  std::vector<float> a, b;
};
Product product(int64_t m, int64_t n, int64_t k, Data data) {
  return {m, n, k, values(data, static_cast<size_t>(m * k), 2),
          values(data == Data::kEqual      ? Data::kEqual
                 : data == Data::kPositive ? Data::kPositive
                                           : Data::kMixed,
                 static_cast<size_t>(k * n), 3)};
}
double product_error(const Product& p, std::span<const float> c) {
  double worst = 0;
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      long double sum = 0, size = 0;
      for (int64_t k = 0; k < p.k; ++k) {
        const double t = static_cast<double>(p.a[i * p.k + k]) * static_cast<double>(p.b[k * p.n + j]);
        sum += t, size += std::fabs(t);
      }
      worst =
          std::fmax(worst, over_scale(c[i * p.n + j], static_cast<double>(sum), static_cast<double>(size)));
    }
  return worst;
}

using Inputs = Network::Inputs;

double matmul_error(const Product& p, bool strict, bool constant) {
  const onnx::Graph graph =
      constant ? test::graph({test::value("a", kFloat, {"M", "K"})}, {test::value("y", kFloat)},
                             {node("MatMul", {"a", "b"}, {"y"})}, {test::floats("b", {p.k, p.n}, p.b)})
               : test::graph({test::value("a", kFloat, {"M", "K"}), test::value("b", kFloat, {"K", "N"})},
                             {test::value("y", kFloat)}, {node("MatMul", {"a", "b"}, {"y"})});
  const Network network(graph, {.strict = strict});
  Inputs in = {{"a", floats({p.m, p.k}, p.a)}};
  if (!constant) in.emplace_back("b", floats({p.k, p.n}, p.b));
  return product_error(p, network.run(in)[0].span<float>());
}

std::vector<float> turned(const Product& p) {
  std::vector<float> b(p.b.size());
  for (int64_t k = 0; k < p.k; ++k)
    for (int64_t j = 0; j < p.n; ++j) b[j * p.k + k] = p.b[k * p.n + j];
  return b;
}

double gemm_error(const Product& p) {
  const Network network(
      test::graph({test::value("a", kFloat, {"M", "K"}), test::value("b", kFloat, {"N", "K"})},
                  {test::value("y", kFloat)},
                  {node("Gemm", {"a", "b"}, {"y"}, {attr("transB", int64_t{1})})}),
      {.strict = true});
  const Inputs in = {{"a", floats({p.m, p.k}, p.a)}, {"b", floats({p.n, p.k}, turned(p))}};
  return product_error(p, network.run(in)[0].span<float>());
}

double einsum_error(const Product& p) {
  const Network network(
      test::graph({test::value("a", kFloat, {"M", "K"}), test::value("b", kFloat, {"K", "N"})},
                  {test::value("y", kFloat)},
                  {node("Einsum", {"a", "b"}, {"y"}, {attr("equation", "ik,kj->ij")})}),
      {.strict = true});
  const Inputs in = {{"a", floats({p.m, p.k}, p.a)}, {"b", floats({p.k, p.n}, p.b)}};
  return product_error(p, network.run(in)[0].span<float>());
}

// A convolution over all of an image of 3 x 3 is a product of 9 C terms; its weights are B transposed. So is
// the one pixel in the middle of a transposed one, whose taps read the image backwards.
double conv_error(int64_t channels, Data data, bool strict, bool transposed = false) {
  const Product p = product(1, 8, channels * 9, data);
  std::vector<float> w = turned(p);
  std::vector<int64_t> dims = {p.n, channels, 3, 3};
  onnx::Node conv = node("Conv", {"x", "w"}, {"y"});
  if (transposed) {
    dims = {channels, p.n, 3, 3};
    for (int64_t k = 0; k < p.k; ++k)
      for (int64_t j = 0; j < p.n; ++j) w[(k / 9 * p.n + j) * 9 + 8 - k % 9] = p.b[k * p.n + j];
    conv = node("ConvTranspose", {"x", "w"}, {"y"}, {attr("pads", std::vector<int64_t>{2, 2, 2, 2})});
  }
  const Network network(test::graph({test::value("x", kFloat, {"1", std::to_string(channels), "3", "3"})},
                                    {test::value("y", kFloat)}, {conv}, {test::floats("w", dims, w)}),
                        {.strict = strict});
  return product_error(p, network.run({{"x", floats({1, channels, 3, 3}, p.a)}})[0].span<float>());
}

// A depthwise convolution with a kernel as large as the image: one product a channel, of more and of fewer
// channels than a vector has.
double depthwise_error(int64_t side, Data data) {
  const int64_t k = side * side, channels = k > 100000 ? 3 : 21;
  const auto x = values(data, static_cast<size_t>(channels * k), 2), w = values(data, x.size(), 3);
  const std::string extent = std::to_string(side);
  const Network network(
      test::graph({test::value("x", kFloat, {"1", std::to_string(channels), extent, extent})},
                  {test::value("y", kFloat)}, {node("Conv", {"x", "w"}, {"y"}, {attr("group", channels)})},
                  {test::floats("w", {channels, 1, side, side}, w)}),
      {.strict = true});
  const Tensor y = network.run({{"x", floats({1, channels, side, side}, x)}})[0];
  double worst = 0;
  for (int64_t c = 0; c < channels; ++c) {
    const auto channel = [&](const std::vector<float>& v) {
      return std::vector<float>(v.begin() + c * k, v.begin() + (c + 1) * k);
    };
    worst = std::fmax(worst, product_error({1, 1, k, channel(x), channel(w)}, y.span<float>().subspan(c, 1)));
  }
  return worst;
}

Network attention(const char* output) {
  const auto four = [](const char* name, const char* rows, const char* columns) {
    return test::value(name, kFloat, {"1", "1", rows, columns});
  };
  return Network(test::graph({four("q", "M", "K"), four("k", "N", "K"), four("v", "N", "C")},
                             {test::value(output, kFloat)},
                             {node("Attention", {"q", "k", "v"}, {"y", "", "", "s"}, {attr("scale", 1.0f)})}),
                 {.strict = true});
}

// Q K^T as the operator's own output.
double scores_error(const Product& p) {
  const Inputs in = {{"q", floats({1, 1, p.m, p.k}, p.a)},
                     {"k", floats({1, 1, p.n, p.k}, turned(p))},
                     {"v", floats({1, 1, p.n, 1}, std::vector<float>(static_cast<size_t>(p.n)))}};
  return product_error(p, attention("s").run(in)[0].span<float>());
}

// Keys that are all alike weigh 1 each, and the sum of the values is divided by their number.
double values_error(int64_t keys, Data data) {
  constexpr int64_t kColumns = 5;
  const std::vector<float> zeros(static_cast<size_t>(keys)),
      v = values(data, static_cast<size_t>(keys * kColumns));
  const Inputs in = {{"q", floats({1, 1, 1, 1}, {0.0f})},
                     {"k", floats({1, 1, keys, 1}, zeros)},
                     {"v", floats({1, 1, keys, kColumns}, v)}};
  const Tensor y = attention("y").run(in)[0];
  double worst = 0;
  for (int64_t j = 0; j < kColumns; ++j) {
    long double sum = 0, size = 0;
    for (int64_t i = 0; i < keys; ++i) sum += v[i * kColumns + j], size += std::fabs(v[i * kColumns + j]);
    const auto n = static_cast<long double>(keys);
    worst = std::fmax(
        worst, over_scale(y.span<float>()[j], static_cast<double>(sum / n), static_cast<double>(size / n)));
  }
  return worst;
}

double mean_pool_error(int64_t side, Data data) {
  const Network network(test::graph({test::value("x", kFloat, {"1", "1", "H", "W"})},
                                    {test::value("y", kFloat)}, {node("GlobalAveragePool", {"x"}, {"y"})}));
  const auto x = values(data, static_cast<size_t>(side * side));
  long double sum = 0, size = 0;
  for (float v : x) sum += v, size += std::fabs(v);
  const auto n = static_cast<double>(x.size());
  return over_scale(network.run({{"x", floats({1, 1, side, side}, x)}})[0].span<float>()[0],
                    static_cast<double>(sum) / n, static_cast<double>(size) / n);
}

// Products are summed in float. Matrices' join sums of few terms, which holds 2 for random numbers;
// convolutions sum blocks of a few hundred terms. Partial sums of one sign only grow, and so does what each
// is rounded by; it adds up where all of them are rounded the same way.
struct FloatProducts {
  const char* data;
  std::vector<Data> kinds;
  double bound, conv_bound;
};
const FloatProducts kFloatProducts[] = {{"of both signs", {Data::kMixed, Data::kCancelling}, 2, 6},
                                        {"of one sign", {Data::kPositive}, 2, 14},
                                        {"of all magnitudes", {Data::kWide}, 4, 6},
                                        {"all terms equal", {Data::kEqual}, 6, 40}};

template <class F>
void add_worst(Checks& to, std::string name, double bound, F error, std::span<const Data> kinds = kData) {
  double worst = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    for (Data d : kinds) worst = std::fmax(worst, error(d));
    kernels::clear_forced_isa();
  }
  to.push_back({std::move(name), worst, bound, "eps sum abs"});
}

// In double, rounded once: half a unit. Attention's weights are rounded, too.
void add_strict(Checks& out, int64_t longest) {
  for (int64_t k : {int64_t{64}, int64_t{1000}, longest}) {
    const auto add = [&](const char* name, int64_t terms, double bound, auto error) {
      add_worst(out, cat(name, ", K = ", terms, ", strict_math"), bound, error);
    };
    const auto of_product = [&](const char* name, auto error) {
      add(name, k, 1, [&](Data d) { return error(product(3, 5, k, d)); });
    };
    of_product("MatMul", [](const Product& p) {
      return std::fmax(matmul_error(p, true, false), matmul_error(p, true, true));
    });
    of_product("Gemm", gemm_error);
    of_product("Einsum", einsum_error);
    const int64_t channels = (k + 8) / 9;
    for (bool transposed : {false, true})
      add(transposed ? "ConvTranspose" : "Conv", channels * 9, 1,
          [&](Data d) { return conv_error(channels, d, true, transposed); });
    const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(k)));
    add("Conv, depthwise", side * side, 1, [&](Data d) { return depthwise_error(side, d); });
    of_product("Attention's scores", scores_error);
    add("Attention's values", k, 2, [&](Data d) { return values_error(k, d); });
  }
}

}  // namespace

Checks check_sums(bool quick) {
  Checks out;
  const auto most = int64_t{1000003};
  for (const Reduction& r : kReductions)
    for (bool first : {false, true})
      add_worst(out, cat(r.op, first ? ", first axis" : ", last axis"), 2, [&](Data d) {
        return std::fmax(reduce_error(r, 1037, d, first), reduce_error(r, quick ? 100003 : most, d, first));
      });
  add_worst(out, "GlobalAveragePool", 2, [&](Data d) { return mean_pool_error(quick ? 317 : 1000, d); });
  const int64_t longest = quick ? 20000 : 1000000;
  for (const auto& [data, kinds, bound, conv_bound] : kFloatProducts) {
    for (int64_t k : {int64_t{16}, int64_t{64}, int64_t{384}, int64_t{1000}, longest})
      add_worst(
          out, cat("MatMul, K = ", k, ", ", data), bound,
          [&](Data d) {
            const int64_t side = k == longest ? 4 : 64;
            const Product p = product(side, side, k, d);
            return std::fmax(matmul_error(p, false, false), k == longest ? 0 : matmul_error(p, false, true));
          },
          kinds);
    for (int64_t channels : {int64_t{7}, int64_t{256}})
      add_worst(
          out, cat("Conv, K = ", channels * 9, ", ", data), conv_bound,
          [&](Data d) { return conv_error(channels, d, false); }, kinds);
  }
  add_strict(out, longest);
  return out;
}

}  // namespace ow::numerics
