// MatMul: numpy.matmul. C[.., m, n] = sum_k A[.., m, k] * B[.., k, n]; leading axes broadcast, a 1-D operand
// gets an axis of extent 1 that the result does not keep.
//
// A constant float B is packed once. Where all leading axes of B are 1, those of A fold into m, so that a
// batch of activations times one weight matrix is a single product.
//
// onward.MatMul is what the optimiser makes of such a product and the nodes behind it:
//   activation(A * B + bias + residual), bias at input 2 ([n]) and residual at input 3 (C's shape), each may
//   be absent; `activation`, `alpha` and `beta` as in ops/op/fused.h
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "ops/op/fused.h"
#include "ops/op/matrix.h"
#include "ops/op/op.h"
#include "ops/op/stored_weights.h"

namespace ow {
namespace {

struct Attrs {
  FusedActivation activation;
};

Result<Attrs> read_fused(const AttrReader& a) { return Attrs{read_activation(a)}; }

Status infer(const Attrs&, InferContext& c) { return infer_matmul(c, c.dtype(0), 0, 1); }

struct PackedB {
  Buffer memory;
  int64_t bytes_each;  // from one matrix of the batch to the next
  Shape shape;         // of B
};

int64_t aligned(size_t bytes) { return (static_cast<int64_t>(bytes) + 63) / 64 * 64; }

// B's matrices, one after the other.
struct Matrices {
  const kernels::UnalignedFloat* b;
  int64_t count, k, n;
  bool in_double;                       // kernels::BSource::in_double
  const ChunkFunction* told = nullptr;  // of the first matrix, as kernels::BSource::packed

  void pack(int64_t i, std::byte* packed, int threads) const {
    kernels::pack_b({.b = b + i * k * n,
                     .k = k,
                     .n = n,
                     .stride_k = n,
                     .stride_n = 1,
                     .in_double = in_double,
                     .packed = i == 0 ? told : nullptr},
                    packed, threads);
  }
};

// Many are spread over threads, one is packed by all.
void pack_all(const Matrices& all, std::byte* packed, int64_t bytes_each, int threads) {
  if (all.count == 1) return all.pack(0, packed, threads);
  parallel_for(all.count, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) all.pack(i, packed + i * bytes_each, 1);
  });
}

Result<std::any> prepare(const Attrs&, PrepareContext& c) {
  const Tensor* b = c.constant(1);
  if (!b || b->dtype() != DType::kFloat32 || b->rank() < 1 || b->count() <= 0 || !b->is_dense())
    return std::any();
  const Shape& s = b->shape();
  const int64_t k = s.rank() == 1 ? s[0] : s[s.rank() - 2], n = s.rank() == 1 ? 1 : s.back();
  const int64_t count = b->count() / (k * n);
  PackedB packed{nullptr, aligned(kernels::packed_b_bytes(1, k, n)), s};
  auto bytes = checked_mul(packed.bytes_each, count);
  if (!bytes) return c.error("input 1 is too large to pack: ", s);
  packed.memory = ONWARD_TRY(packed_buffer(*bytes));
  const auto let_go = let_go_floats(*b);
  const ChunkFunction told(let_go);
  pack_all({stored_floats(*b), count, k, n, c.strict(), &told}, packed.memory.get(), packed.bytes_each,
           c.threads());
  c.drop(1);
  return std::any(std::move(packed));
}

Result<kernels::Epilogue> epilogue_of(const Attrs& a, RunContext& c, const MatMulShape& s) {
  kernels::Epilogue e = {
      .activation = a.activation.kind, .alpha = a.activation.alpha, .beta = a.activation.beta};
  if (c.has(2)) {
    if (c.in(2).count() != s.n)
      return c.error("the bias has shape ", c.in(2).shape(), ", expected [", s.n, "]");
    e.bias = c.in(2).data<float>();
  }
  if (c.has(3)) {
    if (!(c.in(3).shape() == s.out))
      return c.error("the residual has shape ", c.in(3).shape(), ", expected ", s.out);
    e.residual = c.in(3).data<float>();
    e.residual_ld = s.n;
  }
  return e;
}

Status run_float(const Attrs& a, RunContext& c, const MatMulShape& s, const PackedB* prepared) {
  kernels::Epilogue epilogue = ONWARD_TRY(epilogue_of(a, c, s));
  Tensor y = ONWARD_TRY(c.out(0, DType::kFloat32, s.out));
  if (y.count() == 0) return {};
  const std::byte* packed = prepared ? prepared->memory.get() : nullptr;
  const int64_t each = prepared ? prepared->bytes_each : aligned(kernels::packed_b_bytes(1, s.k, s.n));
  if (!packed) {
    auto size = checked_mul(each, s.b_matrices);
    if (!size) return c.error("input 1 is too large to pack: ", c.in(1).shape());
    auto memory = ONWARD_TRY(c.scratch(*size));
    pack_all({c.in(1).data<float>(), s.b_matrices, s.k, s.n, c.strict()}, memory.data(), each, c.threads());
    packed = memory.data();
  }
  const float* x = c.in(0).data<float>();
  float* out = y.mutable_data<float>();
  if (s.b_matrices == 1) {  // A's batch is dense, and nothing repeats it
    kernels::gemm(s.batch * s.m, s.n, s.k, x, s.k, packed, out, s.n, epilogue, c.threads());
    return {};
  }
  auto product = [&](int64_t i, int threads) {
    kernels::Epilogue mine = epilogue;
    if (mine.residual) mine.residual += i * s.m * s.n;
    kernels::gemm(s.m, s.n, s.k, x + s.a_index[i] * s.m * s.k, s.k, packed + s.b_index[i] * each,
                  out + i * s.m * s.n, s.n, mine, threads);
  };
  if (s.batch < c.threads()) {
    for (int64_t i = 0; i < s.batch; ++i) product(i, c.threads());
    return {};
  }
  c.parallel_for(s.batch, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) product(i, 1);
  });
  return {};
}

template <class T>
Status run_generic(RunContext& c, const MatMulShape& s) {
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, s.out));
  for (int64_t i = 0; i < s.batch && y.count() > 0; ++i) {
    kernels::GenericGemm<T, T, T> g{.m = s.m,
                                    .n = s.n,
                                    .k = s.k,
                                    .a = {c.in(0).data<T>() + s.a_index[i] * s.m * s.k, s.k, 1},
                                    .b = {c.in(1).data<T>() + s.b_index[i] * s.k * s.n, s.n, 1},
                                    .c = y.mutable_data<T>() + i * s.m * s.n,
                                    .ldc = s.n};
    if (c.budget()) ONWARD_TRY(c.budget()->check());
    g.run(c.threads());
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const auto* packed = c.prepared<PackedB>();
  const MatMulShape s =
      ONWARD_TRY(matmul_shape(c, c.in(0).shape(), packed ? packed->shape : c.in(1).shape()));
  switch (c.in(0).dtype()) {
    case DType::kFloat32:
      return run_float(a, c, s, packed);
    case DType::kFloat64:
      return run_generic<double>(c, s);
    case DType::kInt32:
      return run_generic<int32_t>(c, s);
    case DType::kInt64:
      return run_generic<int64_t>(c, s);
    case DType::kUint32:
      return run_generic<uint32_t>(c, s);
    case DType::kUint64:
      return run_generic<uint64_t>(c, s);
    default:
      return c.error("input 0 is of type ", c.in(0).dtype(), ", expected a type of MatMul's schema");
  }
}

}  // namespace

ONWARD_OPS(matmul) {
  OpSpec<Attrs> spec{.name = "MatMul",
                     .infer = infer,
                     .prepare = prepare,
                     .run = run,
                     .native = types<float, double, int32_t, int64_t, uint32_t, uint64_t>};
  OpSpec<Attrs> fused = spec;
  fused.domain = "onward";
  fused.read = read_fused;
  fused.native = types<float>;
  fused.in_place = {{3, 0}};
  return {op<Attrs>(spec), op<Attrs>(fused)};
}

}  // namespace ow
