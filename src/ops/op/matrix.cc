#include "ops/op/matrix.h"

namespace ow {
namespace {

// Index of the matrix that each batch entry takes from an operand with leading dims `lead`.
std::vector<int64_t> matrix_indices(const Shape& batch, const Shape& lead) {
  std::vector<int64_t> out = {0};
  const size_t offset = batch.rank() - lead.rank();
  for (size_t i = 0; i < batch.rank(); ++i) {
    const int64_t extent = i < offset ? 1 : lead[i - offset];
    std::vector<int64_t> next;
    next.reserve(out.size() * static_cast<size_t>(batch[i]));
    for (int64_t base : out)
      for (int64_t j = 0; j < batch[i]; ++j) next.push_back(base * extent + (extent == 1 ? 0 : j));
    out = std::move(next);
  }
  return out;
}

}  // namespace

Status infer_matmul(InferContext& c, DType dtype, size_t a, size_t b) {
  const SymShape *sa = c.shape(a), *sb = c.shape(b);
  if (!sa || !sb) {
    c.set(0, dtype, std::nullopt);
    return {};
  }
  if (sa->empty() || sb->empty())
    return c.error("inputs are ", list_text(*sa), " and ", list_text(*sb), ", expected rank 1 or more");
  const Dim& ka = sa->back();
  const Dim& kb = sb->size() == 1 ? sb->back() : (*sb)[sb->size() - 2];
  if (ka.is_constant() && kb.is_constant() && !(ka == kb))
    return c.error("inputs are ", list_text(*sa), " and ", list_text(*sb), ": the columns of the first (", ka,
                   ") must be the rows of the second (", kb, ")");
  auto lead = [](const SymShape& s) {
    return SymShape(s.begin(), s.end() - static_cast<ptrdiff_t>(std::min<size_t>(2, s.size())));
  };
  SymShape out = ONWARD_TRY(c.broadcast(lead(*sa), lead(*sb)));
  if (sa->size() > 1) out.push_back((*sa)[sa->size() - 2]);
  if (sb->size() > 1) out.push_back(sb->back());
  c.set(0, dtype, std::move(out));
  return {};
}

Result<MatMulShape> matmul_shape(const RunContext& c, const Shape& a, const Shape& b) {
  auto mismatch = [&] {
    return c.error("inputs of shape ", a, " and ", b, " do not multiply: expected [.., m, k] and [.., k, n]");
  };
  if (a.empty() || b.empty()) return mismatch();
  MatMulShape s;
  auto lead = [](const Shape& x) { return Shape(x.dims().first(x.rank() - std::min<size_t>(2, x.rank()))); };
  const Shape lead_a = lead(a), lead_b = lead(b);
  s.k = a.back();
  s.m = a.rank() > 1 ? a[a.rank() - 2] : 1;
  s.n = b.rank() > 1 ? b.back() : 1;
  auto batch = broadcast(lead_a, lead_b);
  if (!batch || (b.rank() > 1 ? b[b.rank() - 2] : b[0]) != s.k) return mismatch();
  s.out = *batch;
  if (a.rank() > 1) s.out.push_back(s.m);
  if (b.rank() > 1) s.out.push_back(s.n);
  s.batch = batch->count();
  s.a_matrices = lead_a.count();
  s.b_matrices = lead_b.count();
  if (s.out.count() < 0) return c.error("the product's shape ", s.out, " overflows");
  if (s.out.count() > 0) {
    s.a_index = matrix_indices(*batch, lead_a);
    s.b_index = matrix_indices(*batch, lead_b);
  }
  return s;
}

}  // namespace ow
