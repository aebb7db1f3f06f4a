// Inference of small contents: which size is which expression of the symbols.
#include <cmath>

#include "ops/op/elementwise.h"
#include "ops/op/evaluate.h"
#include "tensor/convert.h"

namespace ow {
namespace {

constexpr size_t kMaxElements = 1024;
// Integers up to here are exact in double.
constexpr double kMaxExact = 9007199254740992.0;

std::optional<std::vector<Dim>> elements_of(const Tensor& t) {
  if (t.rank() > 1 || t.count() > static_cast<int64_t>(kMaxElements)) return std::nullopt;
  if (!is_floating(t.dtype())) return ir::Fact::of(t).elements;
  auto wide = convert(t, DType::kFloat64);
  if (!wide.ok()) return std::nullopt;
  std::vector<Dim> out;
  for (double v : wide->span<double>())
    out.push_back(v == std::floor(v) && std::abs(v) <= kMaxExact ? Dim(static_cast<int64_t>(v))
                                                                 : Dim::unknown());
  return out;
}

// Input i as a tensor, if its contents are known.
std::optional<Tensor> known_tensor(const InferContext& c, size_t i) {
  if (const Tensor* t = c.constant(i))
    return t->count() <= static_cast<int64_t>(kMaxElements) ? std::optional(*t) : std::nullopt;
  auto values = c.constants(i);
  if (!values || !c.shape(i)) return std::nullopt;
  auto shape = concrete(*c.shape(i));
  if (!shape || shape->count() != static_cast<int64_t>(values->size())) return std::nullopt;
  auto t = convert(Tensor::of<int64_t>(*shape, *values), c.dtype(i));
  return t.ok() ? std::optional(*std::move(t)) : std::nullopt;
}

// What the operator computes from constants. Floating results are kept whole, since their elements cannot
// say 0.5.
bool compute_elements(InferContext& c) {
  std::vector<Value> inputs;
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (!c.has(i)) {
      inputs.emplace_back();
      continue;
    }
    auto t = known_tensor(c, i);
    if (!t) return false;
    inputs.emplace_back(*std::move(t));
  }
  auto outputs = evaluate(c.node(), inputs);
  if (!outputs.ok()) return false;  // left to the run, which says why
  const Tensor* y = (*outputs)[0].tensor();
  if (!y || y->rank() > 1 || y->count() > static_cast<int64_t>(kMaxElements)) return false;
  if (is_floating(y->dtype())) c.results()[0].constant = *y;
  if (auto elements = elements_of(*y)) c.set_elements(0, *std::move(elements));
  return true;
}

bool may_hold_sizes(DType t) {
  return t == DType::kInt64 || t == DType::kInt32 || t == DType::kBool || t == DType::kFloat32 ||
         t == DType::kFloat64 || t == DType::kFloat16;
}

bool fits(const Dim& d, DType t) {
  if (!d.is_constant()) return true;
  const int64_t v = *d.constant();
  if (t == DType::kInt32) return v >= INT32_MIN && v <= INT32_MAX;
  const int64_t exact = t == DType::kFloat16 ? 2048 : t == DType::kFloat32 ? 1 << 24 : INT64_MAX;
  return v >= -exact && v <= exact;
}

}  // namespace

std::optional<std::vector<Dim>> known_elements(const InferContext& c, size_t i) {
  if (!c.has(i)) return std::nullopt;
  if (auto* e = c.elements(i)) return *e;
  return c.constant(i) ? elements_of(*c.constant(i)) : std::nullopt;
}

void infer_elements(InferContext& c, ElementRule rule) {
  if (c.outputs() == 0 || c.inputs() == 0 || c.inputs() > 8) return;
  const ir::Type& type = c.results()[0].type;
  if (!type.is_tensor() || !may_hold_sizes(type.dtype) || !type.shape || type.shape->size() > 1) return;
  const auto shape = concrete(*type.shape);
  if (!shape || shape->count() > static_cast<int64_t>(kMaxElements)) return;
  if (compute_elements(c)) return;
  const auto count = static_cast<size_t>(shape->count());
  std::vector<std::vector<Dim>> inputs;
  for (size_t i = 0; i < c.inputs(); ++i) {
    auto e = known_elements(c, i);
    if (!e || (e->size() != 1 && e->size() != count)) return;
    inputs.push_back(*std::move(e));
  }
  std::vector<Dim> out, x(inputs.size());
  for (size_t j = 0; j < count; ++j) {
    for (size_t i = 0; i < inputs.size(); ++i) x[i] = inputs[i][inputs[i].size() == 1 ? 0 : j];
    Dim d = rule(x.data(), x.size());
    out.push_back(fits(d, type.dtype) ? d : Dim::unknown());
  }
  c.set_elements(0, std::move(out));
}

bool is_nonnegative(const Dim& d) {
  if (d.is_constant()) return *d.constant() >= 0;
  // Sums and products of sizes, and what floordiv, mod, min and max make of them. A minus sign, or an unknown
  // that may have come out of an undecided computation, gives no answer.
  return d.text().find_first_of("-?") == std::string::npos;
}

std::optional<int> compare(const Dim& a, const Dim& b, bool* at_least) {
  if (at_least) *at_least = false;
  if (a == b) {
    if (at_least) *at_least = true;
    return 0;
  }
  const Dim difference = a - b;
  if (auto d = difference.constant()) {
    if (at_least) *at_least = *d >= 0;
    return *d < 0 ? -1 : *d > 0;
  }
  // A difference like N+1 or -N-1: of one sign with every size, and not 0 when all sizes are 0.
  auto zero = [](std::string_view) { return std::optional<int64_t>(0); };
  for (int sign : {1, -1}) {
    const Dim d = difference * Dim(sign);
    if (!is_nonnegative(d)) continue;
    if (at_least) *at_least = sign > 0;
    const bool monotone = d.text().find('(') == std::string::npos;
    if (monotone && d.evaluate(zero).value_or(0) > 0) return sign;
  }
  return std::nullopt;
}

}  // namespace ow
