// Gemm: Y = alpha * A' * B' + beta * C, with A' = A or its transpose (transA), B' likewise, and C broadcast
// to [M, N].
//
// Float: alpha goes into the packed B; a C that is one row (or one number) is the bias of the product's
// epilogue, any other C is spread into Y and added as its residual. Other types: the product in the element
// type, then alpha and beta (in double unless both are 1).
//
// onward.Gemm, of floats, also activates Y, as the attributes fused_activation, fused_alpha and fused_beta
// say (ops/op/fused.h).
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "kernels/transpose.h"
#include "ops/op/elementwise.h"
#include "ops/op/fused.h"
#include "ops/op/op.h"
#include "ops/op/stored_weights.h"

namespace ow {
namespace {

struct Attrs {
  float alpha = 1, beta = 1;
  bool trans_a = false, trans_b = false;
  FusedActivation activation = {};
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{a.real("alpha", 1), a.real("beta", 1), a.flag("transA", false), a.flag("transB", false)};
}

Result<Attrs> read_fused(const AttrReader& a) {
  Attrs attrs = ONWARD_TRY(read(a));
  attrs.activation = read_activation(a, "fused_");
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  SymShape out = {Dim::unknown(), Dim::unknown()};
  std::optional<Dim> ka, kb;
  for (size_t i = 0; i < 2; ++i) {
    const SymShape* s = c.shape(i);
    if (!s) continue;
    if (s->size() != 2) return c.error("input ", i, " is ", list_text(*s), ", expected rank 2");
    const bool transposed = i == 0 ? a.trans_a : a.trans_b;
    out[i] = (*s)[i == 0 ? transposed : !transposed];
    (i == 0 ? ka : kb) = (*s)[i == 0 ? !transposed : transposed];
  }
  if (ka && kb && ka->is_constant() && kb->is_constant() && !(*ka == *kb))
    return c.error("the products' inner extents differ: ", *ka, " of input 0, ", *kb, " of input 1");
  if (const SymShape* s = c.shape(2)) {
    if (s->size() > 2) return c.error("input 2 is ", list_text(*s), ", expected at most rank 2");
    ONWARD_TRY(c.broadcast(out, *s));
  }
  c.set(0, c.dtype(0), std::move(out));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() < 7) c.remove_attribute("broadcast");  // C broadcasts always since
  return {};
}

struct PackedB {
  Buffer memory;
  int64_t k, n;
};

template <class Context>
void pack(const Attrs& a, const Context& c, const kernels::UnalignedFloat* b, int64_t k, int64_t n,
          void* packed, const ChunkFunction* told = nullptr) {
  kernels::pack_b({.b = b,
                   .k = k,
                   .n = n,
                   .stride_k = a.trans_b ? 1 : n,
                   .stride_n = a.trans_b ? k : 1,
                   .scale = a.alpha,
                   .in_double = c.strict(),
                   .packed = told},
                  packed, c.threads());
}

Result<std::any> prepare(const Attrs& a, PrepareContext& c) {
  const Tensor* b = c.constant(1);
  if (!b || b->dtype() != DType::kFloat32 || b->rank() != 2 || b->count() <= 0 || !b->is_dense())
    return std::any();
  PackedB packed{nullptr, b->dim(a.trans_b ? 1 : 0), b->dim(a.trans_b ? 0 : 1)};
  packed.memory =
      ONWARD_TRY(packed_buffer(static_cast<int64_t>(kernels::packed_b_bytes(1, packed.k, packed.n))));
  const auto let_go = let_go_floats(*b);
  const ChunkFunction told(let_go);
  pack(a, c, stored_floats(*b), packed.k, packed.n, packed.memory.get(), &told);
  c.drop(1);
  return std::any(std::move(packed));
}

struct Extents {
  int64_t m, n, k;
};

Result<Extents> extents(const Attrs& a, RunContext& c, const PackedB* packed) {
  const Tensor& x = c.in(0);
  if (x.rank() != 2) return c.error("input 0 has shape ", x.shape(), ", expected rank 2");
  Extents e{x.dim(a.trans_a), 0, x.dim(!a.trans_a)};
  int64_t kb = packed ? packed->k : 0;
  e.n = packed ? packed->n : 0;
  if (!packed) {
    const Tensor& b = c.in(1);
    if (b.rank() != 2) return c.error("input 1 has shape ", b.shape(), ", expected rank 2");
    kb = b.dim(a.trans_b);
    e.n = b.dim(!a.trans_b);
  }
  if (kb != e.k)
    return c.error("the products' inner extents differ: ", e.k, " of input 0, ", kb, " of input 1");
  if (c.has(2)) {
    auto s = broadcast(Shape{e.m, e.n}, c.in(2).shape());
    if (!s || !(*s == Shape{e.m, e.n}))
      return c.error("input 2 of shape ", c.in(2).shape(), " does not broadcast to ", Shape{e.m, e.n});
  }
  return e;
}

// Strides of C as an [m, n] matrix: 0 where it repeats.
std::pair<int64_t, int64_t> c_strides(const Tensor& t) {
  const int64_t columns = t.rank() > 0 ? t.shape().back() : 1, rows = t.rank() > 1 ? t.dim(0) : 1;
  return {rows == 1 ? 0 : columns, columns == 1 ? 0 : 1};
}

Status run_float(const Attrs& a, RunContext& c) {
  const auto* prepared = c.prepared<PackedB>();
  const Extents e = ONWARD_TRY(extents(a, c, prepared));
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, {e.m, e.n}));
  if (y.count() == 0) return {};
  const std::byte* packed = prepared ? prepared->memory.get() : nullptr;
  if (!packed) {
    auto memory = ONWARD_TRY(c.scratch(static_cast<int64_t>(kernels::packed_b_bytes(1, e.k, e.n))));
    pack(a, c, c.in(1).data<float>(), e.k, e.n, memory.data());
    packed = memory.data();
  }
  const float* x = c.in(0).data<float>();
  if (a.trans_a && e.m > 1 && e.k > 1) {
    auto rows = ONWARD_TRY(c.scratch_of<float>(e.m * e.k));
    const int64_t dims[] = {e.k, e.m};
    const int perm[] = {1, 0};
    kernels::permute(x, dims, perm, 2, sizeof(float), rows.data(), c.threads());
    x = rows.data();
  }
  float* out = y.mutable_data<float>();
  kernels::Epilogue epilogue = {
      .activation = a.activation.kind, .alpha = a.activation.alpha, .beta = a.activation.beta};
  if (c.has(2) && a.beta != 0) {
    const auto [row, column] = c_strides(c.in(2));
    const float* from = c.in(2).data<float>();
    float* to = out;
    const bool one_row = row == 0;
    if (one_row) to = ONWARD_TRY(c.scratch_of<float>(e.n)).data();
    for (int64_t i = 0; i < (one_row ? 1 : e.m); ++i)
      for (int64_t j = 0; j < e.n; ++j) to[i * e.n + j] = a.beta * from[i * row + j * column];
    if (one_row) {
      epilogue.bias = to;
    } else {
      epilogue.residual = out;
      epilogue.residual_ld = e.n;
    }
  }
  kernels::gemm(e.m, e.n, e.k, x, e.k, packed, out, e.n, epilogue, c.threads());
  return {};
}

using OtherTypes = TypeList<double, int32_t, int64_t, uint32_t, uint64_t>;

template <class T>
Status run_generic(const Attrs& a, RunContext& c) {
  const Extents e = ONWARD_TRY(extents(a, c, nullptr));
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, {e.m, e.n}));
  if (y.count() == 0) return {};
  T* out = y.mutable_data<T>();
  kernels::GenericGemm<T, T, T> g{.m = e.m,
                                  .n = e.n,
                                  .k = e.k,
                                  .a = {c.in(0).data<T>(), a.trans_a ? 1 : e.k, a.trans_a ? e.m : 1},
                                  .b = {c.in(1).data<T>(), a.trans_b ? 1 : e.n, a.trans_b ? e.k : 1},
                                  .c = out,
                                  .ldc = e.n};
  g.run(c.threads());
  const T* from = c.has(2) ? c.in(2).data<T>() : nullptr;
  const auto [row, column] = from ? c_strides(c.in(2)) : std::pair<int64_t, int64_t>{0, 0};
  const bool plain = a.alpha == 1 && a.beta == 1;
  if (plain && !from) return {};
  for (int64_t i = 0; i < e.m; ++i)
    for (int64_t j = 0; j < e.n; ++j) {
      T& v = out[i * e.n + j];
      const T add = from ? from[i * row + j * column] : T(0);
      if (plain)
        v = static_cast<T>(v + add);
      else
        v = static_cast<T>(double{a.alpha} * static_cast<double>(v) +
                           double{a.beta} * static_cast<double>(add));
    }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  if (c.in(0).dtype() == DType::kFloat32) return run_float(a, c);
  return visit_types(OtherTypes{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_generic<T>(a, c); });
}

}  // namespace

ONWARD_OPS(gemm) {
  OpSpec<Attrs> spec{.name = "Gemm",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .prepare = prepare,
                     .run = run,
                     .native = types<float> | OtherTypes::mask};
  OpSpec<Attrs> fused = spec;
  fused.domain = "onward";
  fused.read = read_fused;
  fused.upgrade = nullptr;
  fused.native = types<float>;
  return {op<Attrs>(spec), op<Attrs>(fused)};
}

}  // namespace ow
