#include "ops/op/recurrent.h"

#include <cmath>

#include "ops/op/stored_weights.h"

namespace ow {
namespace {

struct Known {
  const char* name;
  CellActivation::Kind kind;
  bool has_alpha, has_beta;
  double alpha, beta;
};

constexpr Known kKnown[] = {
    {"Relu", CellActivation::Kind::kRelu, false, false, 0, 0},
    {"Tanh", CellActivation::Kind::kTanh, false, false, 0, 0},
    {"Sigmoid", CellActivation::Kind::kSigmoid, false, false, 0, 0},
    {"Affine", CellActivation::Kind::kAffine, true, true, 1, 0},
    {"LeakyRelu", CellActivation::Kind::kLeakyRelu, true, false, 0.01, 0},
    {"ThresholdedRelu", CellActivation::Kind::kThresholdedRelu, true, false, 1, 0},
    {"ScaledTanh", CellActivation::Kind::kScaledTanh, true, true, 1, 1},
    {"HardSigmoid", CellActivation::Kind::kHardSigmoid, true, true, 0.2, 0.5},
    {"Elu", CellActivation::Kind::kElu, true, false, 1, 0},
    {"Softsign", CellActivation::Kind::kSoftsign, false, false, 0, 0},
    {"Softplus", CellActivation::Kind::kSoftplus, false, false, 0, 0},
};

// Exporters differ in capitals.
bool same_word(std::string_view a, std::string_view b) {
  auto lower = [](char ch) { return ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch + 32) : ch; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// alpha and beta lists are consumed by the functions that have such a parameter, in order.
std::vector<CellActivation> read_activations(const AttrReader& a, const std::vector<std::string>& names) {
  const ir::Floats alphas = a.reals("activation_alpha"), betas = a.reals("activation_beta");
  const double clip = a.has("clip") ? std::fabs(static_cast<double>(a.real("clip", 0))) : 0;
  size_t next_alpha = 0, next_beta = 0;
  std::vector<CellActivation> out;
  for (const std::string& name : names) {
    const Known* found = nullptr;
    for (const Known& k : kKnown)
      if (same_word(k.name, name)) found = &k;
    if (!found) {
      a.fail("activations", cat("has '", name, "', which is no activation of ONNX's recurrent operators"));
      return out;
    }
    CellActivation f{found->kind, found->alpha, found->beta, clip};
    if (found->has_alpha && next_alpha < alphas.size()) f.alpha = static_cast<double>(alphas[next_alpha++]);
    if (found->has_beta && next_beta < betas.size()) f.beta = static_cast<double>(betas[next_beta++]);
    out.push_back(f);
  }
  return out;
}

}  // namespace

double CellActivation::operator()(double x) const {
  if (clip > 0) x = x > clip ? clip : x < -clip ? -clip : x;
  switch (kind) {
    case Kind::kRelu:
      return x < 0 ? 0 : x;
    case Kind::kTanh:
      return std::tanh(x);
    case Kind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Kind::kAffine:
      return alpha * x + beta;
    case Kind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case Kind::kThresholdedRelu:
      return x > alpha ? x : 0;
    case Kind::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case Kind::kHardSigmoid: {
      const double v = alpha * x + beta;
      return v < 0 ? 0 : v > 1 ? 1 : v;
    }
    case Kind::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case Kind::kSoftsign:
      return x / (1 + std::fabs(x));
    case Kind::kSoftplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
  return x;
}

kernels::GateActivation CellActivation::in_float() const {
  kernels::GateActivation f{kind, static_cast<float>(alpha), static_cast<float>(beta)};
  if (clip > 0) f.clip = static_cast<float>(clip);
  return f;
}

RecurrentAttrs read_recurrent(const AttrReader& a, std::vector<std::string> defaults) {
  RecurrentAttrs attrs{.hidden_size = a.integer("hidden_size", 0)};
  const std::string direction = a.text("direction", "forward");
  attrs.forward = direction != "reverse";
  attrs.backward = direction != "forward";
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    a.fail("direction", cat("is '", direction, "', expected forward, reverse or bidirectional"));
  attrs.batch_first = a.flag("layout", false);
  attrs.linear_before_reset = a.flag("linear_before_reset", false);
  attrs.input_forget = a.flag("input_forget", false);
  std::vector<std::string> names = a.texts("activations");
  const size_t each = defaults.size();
  if (names.empty())
    for (size_t d = 0; d < attrs.directions(); ++d)
      names.insert(names.end(), defaults.begin(), defaults.end());
  if (names.size() != each * attrs.directions())
    a.fail("activations", cat("has ", names.size(), " names, expected ", each * attrs.directions()));
  attrs.activations = read_activations(a, names);
  if (a.has("hidden_size") && attrs.hidden_size < 1)
    a.fail("hidden_size", cat("is ", attrs.hidden_size, ", expected at least 1"));
  return attrs;
}

Status infer_recurrent(const RecurrentAttrs& a, InferContext& c, int64_t gates) {
  const SymShape *x = c.shape(0), *w = c.shape(1), *r = c.shape(2);
  for (const SymShape* s : {x, w, r})
    if (s && s->size() != 3) return c.error("an input is ", list_text(*s), ", expected X, W and R of rank 3");
  if (r && (*r)[1].is_constant() && (*r)[2].is_constant() && !((*r)[2] * gates == (*r)[1]))
    return c.error("R is ", list_text(*r), ", expected [directions, ", gates, " * hidden_size, hidden_size]");
  const Dim hidden = a.hidden_size ? Dim(a.hidden_size) : r ? (*r)[2] : Dim::unknown();
  const Dim dirs = static_cast<int64_t>(a.directions());
  const Dim seq = x ? (*x)[a.batch_first ? 1 : 0] : Dim::unknown();
  const Dim batch = x ? (*x)[a.batch_first ? 0 : 1] : Dim::unknown();
  c.set(0, c.dtype(0),
        a.batch_first ? SymShape{batch, seq, dirs, hidden} : SymShape{seq, dirs, batch, hidden});
  for (size_t o = 1; o < c.outputs(); ++o)
    c.set(o, c.dtype(0), a.batch_first ? SymShape{batch, dirs, hidden} : SymShape{dirs, batch, hidden});
  return {};
}

Status upgrade_recurrent(Rewriter& c) {
  if (c.since_version() < 7) c.remove_attribute("output_sequence");
  return {};
}

namespace {

Result<Buffer> packed(const PrepareContext& c, const kernels::UnalignedFloat* w, int64_t n, int64_t k) {
  Buffer memory = ONWARD_TRY(packed_buffer(static_cast<int64_t>(kernels::packed_b_bytes(1, k, n))));
  kernels::pack_b({.b = w, .k = k, .n = n, .stride_k = 1, .stride_n = k, .in_double = c.strict()},
                  memory.get(), c.threads());
  return memory;
}

}  // namespace

Result<std::any> pack_recurrent(const RecurrentAttrs& a, PrepareContext& c, int64_t gates, bool candidate) {
  const Tensor *w = c.constant(1), *r = c.constant(2);
  const auto directions = static_cast<int64_t>(a.directions());
  for (const Tensor* t : {w, r})
    if (!t || t->dtype() != DType::kFloat32 || t->rank() != 3 || !t->is_dense() || t->dim(0) != directions)
      return std::any();
  const int64_t hidden = r->dim(2), width = r->dim(1), input = w->dim(2);
  if (hidden == 0 || input == 0 || width / gates != hidden || width % gates != 0 || w->dim(1) != width)
    return std::any();
  const int64_t together = candidate ? width - hidden : width;
  RecurrentWeights weights{{}, w->shape(), r->shape()};
  for (int64_t d = 0; d < directions; ++d) {
    const kernels::UnalignedFloat* rows = stored_floats(*r) + d * width * hidden;
    RecurrentWeights::Direction& to = weights.directions.emplace_back();
    to.input = ONWARD_TRY(packed(c, stored_floats(*w) + d * width * input, width, input));
    to.gates = ONWARD_TRY(packed(c, rows, together, hidden));
    if (candidate) to.candidate = ONWARD_TRY(packed(c, rows + together * hidden, hidden, hidden));
  }
  c.drop(1);
  c.drop(2);
  return std::any(std::move(weights));
}

namespace {

// Of input i, which may be packed.
const Shape& shape_of(const RunContext& c, size_t i) {
  const auto* packed = c.prepared<RecurrentWeights>();
  return packed && i == 1 ? packed->w : packed && i == 2 ? packed->r : c.in(i).shape();
}

Status check(const RunContext& c, size_t i, const Shape& shape, const Shape& expected) {
  if (shape == expected) return {};
  return c.error("input ", i, " has shape ", shape, ", expected ", expected);
}
Status check_optional(const RunContext& c, size_t i, const Shape& expected) {
  return c.has(i) ? check(c, i, c.in(i).shape(), expected) : Status{};
}

}  // namespace

Result<RecurrentShape> recurrent_shape(const RecurrentAttrs& a, const RunContext& c, int64_t gates) {
  const Shape &x = c.in(0).shape(), &w = shape_of(c, 1), &r = shape_of(c, 2);
  if (x.rank() != 3 || r.rank() != 3) return c.error("X has shape ", x, ", R ", r, ", expected rank 3");
  RecurrentShape s{.seq = x[a.batch_first ? 1 : 0],
                   .batch = x[a.batch_first ? 0 : 1],
                   .input = x[2],
                   .hidden = r[2],
                   .gates = gates,
                   .lengths = {}};
  if (a.hidden_size && a.hidden_size != s.hidden)
    return c.error("hidden_size is ", a.hidden_size, " but R has shape ", r);
  const int64_t dirs = static_cast<int64_t>(a.directions());
  auto width = checked_mul(gates, s.hidden);
  if (!width) return c.error("R has shape ", r, ", which is too large");
  ONWARD_TRY(check(c, 1, w, {dirs, *width, s.input}));
  ONWARD_TRY(check(c, 2, r, {dirs, *width, s.hidden}));
  ONWARD_TRY(check_optional(c, 3, {dirs, 2 * *width}));
  ONWARD_TRY(check_optional(c, 4, {s.batch}));
  const Shape state = a.batch_first ? Shape{s.batch, dirs, s.hidden} : Shape{dirs, s.batch, s.hidden};
  ONWARD_TRY(check_optional(c, 5, state));
  ONWARD_TRY(check_optional(c, 6, state));
  ONWARD_TRY(check_optional(c, 7, {dirs, 3 * s.hidden}));
  s.lengths.assign(static_cast<size_t>(s.batch), s.seq);
  if (c.has(4)) s.lengths = ONWARD_TRY(read_ints(c, 4));
  for (int64_t n : s.lengths)
    if (n < 0 || n > s.seq) return c.error("sequence_lens has ", n, ", expected values in [0, ", s.seq, "]");
  return s;
}

}  // namespace ow
