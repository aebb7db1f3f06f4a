// RandomUniform: low + u (high - low), RandomNormal: mean + scale z, of a given shape or (..Like) that of the
// input; u and z come from ops/op/random.h, element i from place i of the stream.
//
// u has as many binary digits as the output's type, so that [0, 1) never rounds to 1. With a seed every run
// gives the same values; ONNX asks for no particular ones.
#include "ops/op/random.h"
#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<float> seed;
  DType dtype = DType::kUndefined;  // undefined: the input's
  ir::Ints shape;                   // without an input
  double base = 0, factor = 1;
};

bool is_drawn(DType t) {
  return t == DType::kFloat32 || t == DType::kFloat64 || t == DType::kFloat16 || t == DType::kBfloat16;
}

template <bool kLike>
Attrs read_shared(const AttrReader& a) {
  Attrs attrs;
  if (a.has("seed")) attrs.seed = a.real("seed", 0);
  attrs.dtype = a.dtype("dtype", kLike ? DType::kUndefined : DType::kFloat32);
  if (attrs.dtype != DType::kUndefined && !is_drawn(attrs.dtype))
    a.fail("dtype", cat("is ", attrs.dtype, ", expected float, double, float16 or bfloat16"));
  if (!kLike) attrs.shape = a.required_integers("shape");
  if (!checked_product(attrs.shape))
    a.fail("shape", cat("is ", list_text(attrs.shape), ", which no tensor has"));
  return attrs;
}

template <bool kLike>
Result<Attrs> read_uniform(const AttrReader& a) {
  Attrs attrs = read_shared<kLike>(a);
  attrs.base = a.real("low", 0);
  attrs.factor = a.real("high", 1) - attrs.base;
  return attrs;
}

template <bool kLike>
Result<Attrs> read_normal(const AttrReader& a) {
  Attrs attrs = read_shared<kLike>(a);
  attrs.base = a.real("mean", 0);
  attrs.factor = a.real("scale", 1);
  return attrs;
}

template <bool kLike>
Status infer(const Attrs& a, InferContext& c) {
  const DType type = a.dtype == DType::kUndefined ? c.dtype(0) : a.dtype;
  if (kLike && type != DType::kUndefined && !is_drawn(type))
    return c.error("input 0 is of type ", type, ", which cannot be drawn; set attribute 'dtype'");
  if (!kLike)
    c.set(0, type, symbolic(Shape(a.shape)));
  else
    c.set(0, type, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

int digits_of(DType t) {
  return t == DType::kFloat64 ? 53 : t == DType::kFloat32 ? 24 : t == DType::kFloat16 ? 11 : 8;
}

struct Uniform {
  static double draw(const RandomStream& s, uint64_t i, int digits) { return s.uniform(i, digits); }
};
struct Normal {
  static double draw(const RandomStream& s, uint64_t i, int) { return s.normal(i); }
};

template <class Distribution, bool kLike>
Status run(const Attrs& a, RunContext& c) {
  const DType type = a.dtype == DType::kUndefined ? c.in(0).dtype() : a.dtype;
  if (!is_drawn(type)) return c.error("input 0 is of type ", type, ", which cannot be drawn");
  Tensor y = ONWARD_TRY(c.out(0, type, kLike ? c.in(0).shape() : Shape(a.shape)));
  const RandomStream stream(a.seed);
  const int digits = digits_of(type);
  auto fill = [&](auto store) {
    c.parallel_for(y.count(), 4096, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        store(i, a.base + a.factor * Distribution::draw(stream, static_cast<uint64_t>(i), digits));
    });
  };
  if (type == DType::kFloat64)
    fill([out = y.mutable_data<double>()](int64_t i, double v) { out[i] = v; });
  else if (type == DType::kFloat32)
    fill([out = y.mutable_data<float>()](int64_t i, double v) { out[i] = static_cast<float>(v); });
  else
    fill([out = reinterpret_cast<uint16_t*>(y.mutable_raw()), type](int64_t i, double v) {
      out[i] = encode_narrow(static_cast<float>(v), type);
    });
  return {};
}

template <class Distribution, bool kLike>
std::unique_ptr<Op> row(std::string_view name, Result<Attrs> (*read)(const AttrReader&)) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer<kLike>,
                    .run = run<Distribution, kLike>,
                    .deterministic = false});
}

}  // namespace

ONWARD_OPS(random) {
  return {row<Uniform, false>("RandomUniform", read_uniform<false>),
          row<Uniform, true>("RandomUniformLike", read_uniform<true>),
          row<Normal, false>("RandomNormal", read_normal<false>),
          row<Normal, true>("RandomNormalLike", read_normal<true>)};
}

}  // namespace ow
