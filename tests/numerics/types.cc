// float16 and bfloat16 (all of their numbers), arithmetic of two float32, and casts.
#include <bit>
#include <cstring>
#include <random>

#include "numerics/check.h"
#include "numerics/error.h"
#include "numerics/functions.h"
#include "numerics/network.h"
#include "tensor/convert.h"

namespace ow::numerics {
namespace {

using test::attr;
using test::node;

struct Narrow {
  DType type;
  int32_t code;
  int fraction, least_exponent, most_exponent;  // bits behind the point; of the normal numbers
};
constexpr Narrow kNarrow[] = {{DType::kFloat16, onnx::Tensor::FLOAT16, 10, -14, 15},
                              {DType::kBfloat16, onnx::Tensor::BFLOAT16, 7, -126, 127}};

// In units in the last place of the narrow type.
double narrow_error(const Narrow& t, float got, double want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : kWrong;
  const double limit = std::ldexp(2.0 - std::ldexp(1.0, -t.fraction - 1), t.most_exponent);
  if (std::isinf(got) || std::fabs(want) >= limit)
    return std::isinf(got) && std::fabs(want) >= limit * (1 - std::ldexp(1.0, -t.fraction - 2)) &&
                   (got > 0) == (want > 0)
               ? 0.5
               : kWrong;
  const int exponent =
      std::fabs(want) < std::ldexp(1.0, t.least_exponent) ? t.least_exponent : std::ilogb(want);
  return std::fabs(static_cast<double>(got) - want) / std::ldexp(1.0, exponent - t.fraction);
}

Tensor every_number(const Narrow& t) {
  std::vector<uint16_t> bits(65536);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  Tensor all = *Tensor::allocate(t.type, Shape{65536});
  std::memcpy(all.mutable_raw(), bits.data(), 131072);
  return all;
}

Check check_narrow(const Narrow& t, const Function& f) {
  const Tensor x = every_number(t);
  const Network network = Network::of_one(f.nodes, {}, t.code);
  double worst = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    const Tensor y = network.run({{"x", x}})[0];
    kernels::clear_forced_isa();
    for (size_t i = 0; i < 65536; ++i) {
      uint16_t bits;
      std::memcpy(&bits, y.raw() + 2 * i, 2);
      const float in = decode_narrow(static_cast<uint16_t>(i), t.type);
      if (std::fabs(static_cast<double>(in)) > f.domain) continue;
      worst = std::fmax(worst,
                        narrow_error(t, decode_narrow(bits, t.type), f.reference(static_cast<double>(in))));
    }
  }
  return {cat(f.name, t.type == DType::kFloat16 ? " of float16" : " of bfloat16"), worst, 1,
          "ULP of the type"};
}

// Any bits, and near ones.
std::vector<float> any_floats(uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<float> x(1 << 20);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = i % 2 ? std::bit_cast<float>(static_cast<uint32_t>(rng()))
                 : std::ldexp(static_cast<float>(rng()), static_cast<int>(rng() % 8) - 32);
  return x;
}

// Results that are not the correctly rounded ones.
Check check_pairs(const char* op, double (*f)(double, double)) {
  const auto a = any_floats(1), b = any_floats(2);
  const auto n = static_cast<int64_t>(a.size());
  const Network network(test::graph({test::value("a", kFloat, {"N"}), test::value("b", kFloat, {"N"})},
                                    {test::value("y", kFloat, {"N"})}, {node(op, {"a", "b"}, {"y"})}));
  double wrong = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    const Tensor y = network.run({{"a", Tensor::of(Shape{n}, std::span<const float>(a))},
                                  {"b", Tensor::of(Shape{n}, std::span<const float>(b))}})[0];
    kernels::clear_forced_isa();
    for (size_t i = 0; i < a.size(); ++i)
      wrong += !is_same(y.span<float>()[i],
                        static_cast<float>(f(static_cast<double>(a[i]), static_cast<double>(b[i]))));
  }
  return {cat(op, " of 2^20 pairs"), wrong, 0, "not correctly rounded"};
}

template <class T>
Check check_cast(const char* name, int32_t code) {
  auto x = any_floats(3);
  for (float v :
       {kInf, -kInf, std::nanf(""), -0.5f, 255.5f, 256.0f, -129.0f, 65536.0f, 2147483648.0f, -2147483904.0f})
    x.push_back(v);
  const auto n = static_cast<int64_t>(x.size());
  const Network network =
      Network::of_one({node("Cast", {"x"}, {"y"}, {attr("to", int64_t{code})})}, {}, kFloat, code);
  using Limits = std::numeric_limits<T>;
  double wrong = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    const Tensor y = network.run({{"x", Tensor::of(Shape{n}, std::span<const float>(x))}})[0];
    kernels::clear_forced_isa();
    for (size_t i = 0; i < x.size(); ++i) {
      const auto v = static_cast<double>(x[i]);
      const T want = std::isnan(v)                             ? T(0)
                     : v <= static_cast<double>(Limits::min()) ? Limits::min()
                     : v >= static_cast<double>(Limits::max()) ? Limits::max()
                                                               : static_cast<T>(v);
      wrong += y.span<T>()[i] != want;
    }
  }
  return {cat("Cast to ", name), wrong, 0, "not as saturated"};
}

// To a narrow float: the nearest number, ties to even.
Check check_narrowing(const Narrow& t) {
  const auto x = any_floats(4);
  const auto n = static_cast<int64_t>(x.size());
  const Network network =
      Network::of_one({node("Cast", {"x"}, {"y"}, {attr("to", int64_t{t.code})})}, {}, kFloat, t.code);
  double wrong = 0;
  for (kernels::Isa isa : available_isas()) {
    kernels::force_isa(isa);
    const Tensor y = network.run({{"x", Tensor::of(Shape{n}, std::span<const float>(x))}})[0];
    kernels::clear_forced_isa();
    for (size_t i = 0; i < x.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, y.raw() + 2 * i, 2);
      wrong += narrow_error(t, decode_narrow(bits, t.type), static_cast<double>(x[i])) > 0.5;
    }
  }
  return {t.type == DType::kFloat16 ? "Cast to float16" : "Cast to bfloat16", wrong, 0, "not the nearest"};
}

}  // namespace

Checks check_types() {
  // Celu is of float32 only, and so are constants in a chain.
  const auto takes_any_float = [](const Function& f) {
    return f.name != "Celu" && f.nodes[0].op_type != "Constant";
  };
  Checks out;
  for (const Narrow& t : kNarrow) {
    for (const Function& f : functions())
      if (!std::isinf(f.limit) && takes_any_float(f)) out.push_back(check_narrow(t, f));
    out.push_back(check_narrowing(t));
  }
  out.push_back(check_pairs("Add", [](double a, double b) { return a + b; }));
  out.push_back(check_pairs("Sub", [](double a, double b) { return a - b; }));
  out.push_back(check_pairs("Mul", [](double a, double b) { return a * b; }));
  out.push_back(check_pairs("Div", [](double a, double b) { return a / b; }));
  out.push_back(check_cast<int8_t>("int8", onnx::Tensor::INT8));
  out.push_back(check_cast<uint8_t>("uint8", onnx::Tensor::UINT8));
  out.push_back(check_cast<int16_t>("int16", onnx::Tensor::INT16));
  out.push_back(check_cast<int32_t>("int32", onnx::Tensor::INT32));
  out.push_back(check_cast<uint32_t>("uint32", onnx::Tensor::UINT32));
  out.push_back(check_cast<int64_t>("int64", onnx::Tensor::INT64));
  out.push_back(check_cast<uint64_t>("uint64", onnx::Tensor::UINT64));
  return out;
}

}  // namespace ow::numerics
