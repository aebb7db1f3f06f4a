// Softmax and the normalisations, element by element against long double.
#include <algorithm>

#include "numerics/check.h"
#include "numerics/error.h"
#include "numerics/network.h"
#include "numerics/values.h"

namespace ow::numerics {
namespace {

using test::attr;
using test::node;
using Row = std::vector<double>;

Row softmax(std::span<const float> x) {
  long double m = *std::max_element(x.begin(), x.end()), sum = 0;
  std::vector<long double> e;
  for (float v : x) sum += e.emplace_back(std::exp(static_cast<long double>(v) - m));
  Row y;
  for (long double v : e) y.push_back(static_cast<double>(v / sum));
  return y;
}

// (x - mean) / sqrt(variance + epsilon) scale; without a mean the root mean square.
Row normalized(std::span<const float> x, std::span<const float> scale, double epsilon, bool with_mean) {
  long double mean = 0, square = 0;
  const auto n = static_cast<long double>(x.size());
  for (float v : x) mean += v;
  mean = with_mean ? mean / n : 0;
  for (float v : x) square += (v - mean) * (v - mean);
  const long double factor = 1 / std::sqrt(square / n + epsilon);
  Row y;
  for (size_t i = 0; i < x.size(); ++i)
    y.push_back(static_cast<double>((x[i] - mean) * factor * scale[i % scale.size()]));
  return y;
}

// In units in the last place of the result, or of floor[i], cyclic, where that is larger.
double worst_of(std::span<const float> got, const Row& want, std::span<const float> floor = {}) {
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double least = floor.empty() ? 0 : std::fabs(static_cast<double>(floor[i % floor.size()]));
    const double e = ulp_error(got[i], want[i]);
    worst = std::fmax(worst,
                      e == kWrong || least <= std::fabs(want[i]) ? e : e * ulp_of(want[i]) / ulp_of(least));
  }
  return worst;
}

std::vector<float> row_of(size_t n, float deviation, float offset) {
  auto x = normals(n, deviation);
  for (float& v : x) v += offset;
  return x;
}

// In rows, and in columns beside others.
double softmax_error(size_t n, float deviation, float offset) {
  const auto x = row_of(n, deviation, offset);
  const Row want = softmax(x);
  const auto size = static_cast<int64_t>(n);
  double worst = 0;
  for (int64_t columns : {1, 5}) {
    const Network network(test::graph({test::value("x", kFloat, {"N", "C"})}, {test::value("y", kFloat)},
                                      {node("Softmax", {"x"}, {"y"}, {attr("axis", int64_t{0})})}));
    std::vector<float> in(n * static_cast<size_t>(columns)), got(n);
    for (size_t i = 0; i < in.size(); ++i) in[i] = x[i / columns];
    const Tensor y = network.run({{"x", floats({size, columns}, in)}})[0];
    for (size_t i = 0; i < n; ++i) got[i] = y.span<float>()[i * columns + columns - 1];
    worst = std::fmax(worst, worst_of(got, want));
  }
  return worst;
}

// With keys of one element, a query of 1 and the identity as values the output is the softmax of the keys.
double attention_error(float deviation) {
  constexpr int64_t kKeys = 64;
  const auto x = row_of(kKeys, deviation, 0);
  std::vector<float> q(kKeys), k(kKeys * kKeys), v(kKeys * kKeys);
  q[0] = 1;
  for (int64_t i = 0; i < kKeys; ++i) k[i * kKeys] = x[i], v[i * kKeys + i] = 1;
  const Network network(test::graph(
      {test::value("q", kFloat, {"1", "1", "1", "64"}), test::value("k", kFloat, {"1", "1", "64", "64"}),
       test::value("v", kFloat, {"1", "1", "64", "64"})},
      {test::value("y", kFloat)}, {node("Attention", {"q", "k", "v"}, {"y"}, {attr("scale", 1.0f)})}));
  const Tensor y = network.run({{"q", floats({1, 1, 1, 64}, q)},
                                {"k", floats({1, 1, 64, 64}, k)},
                                {"v", floats({1, 1, 64, 64}, v)}})[0];
  return worst_of(y.span<float>(), softmax(x));
}

struct Norm {
  const char* op;
  std::vector<onnx::Attribute> attributes;
  bool bias, with_mean;
};
double norm_error(const Norm& norm, size_t n, float deviation, float offset) {
  const auto x = row_of(n, deviation, offset);
  const bool in_groups = norm.bias;  // these take scale and bias by channel
  const auto size = static_cast<int64_t>(n);
  const auto scale = in_groups ? std::vector<float>{1.5f} : normals(n, 1, 5);
  std::vector<std::string> inputs = {"x", "scale"};
  std::vector<onnx::Tensor> weights = {test::floats("scale", {static_cast<int64_t>(scale.size())}, scale)};
  if (in_groups) inputs.push_back("bias"), weights.push_back(test::floats("bias", {1}, {0.0f}));
  const Network network(test::graph({test::value("x", kFloat, {"1", "1", "N"})}, {test::value("y", kFloat)},
                                    {node(norm.op, inputs, {"y"}, norm.attributes)}, weights));
  const Tensor y = network.run({{"x", floats({1, 1, size}, x)}})[0];
  // Near the mean the mean itself decides: an element counts as one of a deviation of 1.
  return worst_of(y.span<float>(), normalized(x, scale, static_cast<double>(1e-5f), norm.with_mean), scale);
}

template <class F>
void add_worst(Checks& to, std::string name, double bound, F error) {
  double worst = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    worst = std::fmax(worst, error());
    kernels::clear_forced_isa();
  }
  to.push_back({std::move(name), worst, bound, "ULP"});
}

}  // namespace

Checks check_rows(bool quick) {
  Checks out;
  const size_t most = quick ? 50021 : 1000003;
  for (size_t n : {size_t{3}, size_t{100}, size_t{1000}, most})
    add_worst(out, cat("Softmax of ", n), 4, [&] {
      double worst = 0;
      for (float deviation : {0.0f, 1.0f, 10.0f, 30.0f})
        for (float offset : {0.0f, 100.0f, -3000.0f, 1e6f})
          worst = std::fmax(worst, softmax_error(n, deviation, offset));
      return worst;
    });
  add_worst(out, "Attention's softmax of 64", 4,
            [] { return std::fmax(attention_error(1), attention_error(20)); });
  const Norm norms[] = {
      {"LayerNormalization", {attr("epsilon", 1e-5f)}, false, true},
      {"RMSNormalization", {attr("epsilon", 1e-5f)}, false, false},
      {"InstanceNormalization", {attr("epsilon", 1e-5f)}, true, true},
      {"GroupNormalization", {attr("epsilon", 1e-5f), attr("num_groups", int64_t{1})}, true, true}};
  for (const Norm& norm : norms)
    for (size_t n : {size_t{64}, size_t{1000}, most})
      add_worst(out, cat(norm.op, " of ", n), 8, [&] {
        double worst = 0;
        for (float deviation : {1.0f, 100.0f})
          for (float offset : {0.0f, 1000.0f})
            worst = std::fmax(worst, norm_error(norm, n, deviation, offset));
        return worst;
      });
  return out;
}

}  // namespace ow::numerics
