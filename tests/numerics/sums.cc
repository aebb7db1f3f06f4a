// A sum in float32 may be off by 2 eps sum |x|, eps = 2^-23, however many terms it has.
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

double matmul_error(const Product& p, bool strict, bool constant) {
  const onnx::Graph graph =
      constant ? test::graph({test::value("a", kFloat, {"M", "K"})}, {test::value("y", kFloat)},
                             {node("MatMul", {"a", "b"}, {"y"})}, {test::floats("b", {p.k, p.n}, p.b)})
               : test::graph({test::value("a", kFloat, {"M", "K"}), test::value("b", kFloat, {"K", "N"})},
                             {test::value("y", kFloat)}, {node("MatMul", {"a", "b"}, {"y"})});
  const Network network(graph, {.strict = strict});
  Network::Inputs in = {{"a", floats({p.m, p.k}, p.a)}};
  if (!constant) in.emplace_back("b", floats({p.k, p.n}, p.b));
  return product_error(p, network.run(in)[0].span<float>());
}

// A convolution over all of an image of 3 x 3 is a product of 9 C terms; its weights are B transposed.
double conv_error(int64_t channels, Data data, bool strict) {
  const Product p = product(1, 8, channels * 9, data);
  std::vector<float> w(p.b.size());
  for (int64_t k = 0; k < p.k; ++k)
    for (int64_t j = 0; j < p.n; ++j) w[j * p.k + k] = p.b[k * p.n + j];
  const Network network(test::graph({test::value("x", kFloat, {"1", std::to_string(channels), "3", "3"})},
                                    {test::value("y", kFloat)}, {node("Conv", {"x", "w"}, {"y"})},
                                    {test::floats("w", {p.n, channels, 3, 3}, w)}),
                        {.strict = strict});
  return product_error(p, network.run({{"x", floats({1, channels, 3, 3}, p.a)}})[0].span<float>());
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

constexpr Data kRandom[] = {Data::kPositive, Data::kMixed, Data::kCancelling, Data::kWide};
constexpr double kProducts = 4, kProductsOfEqual = 40;  // of float sums, in place of 2
constexpr Data kSame[] = {Data::kEqual};

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
  // Products sum blocks of a few hundred terms in float: worst where each partial sum is rounded the same
  // way.
  const auto both = [&](std::string name, double bound, auto error) {
    add_worst(out, name, bound, error, kRandom);
    add_worst(out, name + ", all terms equal", bound / kProducts * kProductsOfEqual, error, kSame);
  };
  for (int64_t k : {int64_t{64}, int64_t{1000}, int64_t{quick ? 20000 : 1000000}})
    both(cat("MatMul, K = ", k), k > 20000 ? 4 * kProducts : kProducts, [&](Data d) {
      const Product p = product(3, 5, k, d);
      return std::fmax(matmul_error(p, true, false), k > 20000 ? 0 : matmul_error(p, false, true));
    });
  for (bool strict : {false, true})
    for (int64_t channels : {int64_t{7}, int64_t{256}})
      both(cat("Conv, K = ", channels * 9, strict ? ", strict_math" : ""), strict ? 2 : kProducts,
           [&](Data d) { return conv_error(channels, d, strict); });
  return out;
}

}  // namespace ow::numerics
