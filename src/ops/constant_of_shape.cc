// ConstantOfShape: a tensor of the shape that input 0 holds, filled with the one element of `value` (default:
// the float 0).
#include <cstring>

#include "ops/op/elementwise.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  Tensor value;
};

Result<Attrs> read(const AttrReader& a) {
  auto value = a.tensor("value");
  if (!value) return Attrs{Tensor::scalar(0.0f)};
  if (value->count() != 1) a.fail("value", cat("has shape ", value->shape(), ", expected one element"));
  return Attrs{*std::move(value)};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* rank = c.shape(0);
  if (rank && rank->size() != 1) return c.error("input 0 has rank ", rank->size(), ", expected 1");
  const DType dtype = a.value.dtype();
  if (const auto* extents = c.elements(0)) {
    for (const Dim& d : *extents)
      if (d.is_constant() && *d.constant() < 0)
        return c.error("input 0 holds ", d, ", expected extents of at least 0");
    c.set(0, dtype, *extents);
    const auto n = extents->empty() ? std::optional<int64_t>(1)
                   : extents->size() == 1 ? (*extents)[0].constant()
                                          : std::nullopt;
    const auto element = ir::Fact::of(a.value.reshaped({})).elements;
    if (n && *n <= 1024 && element) c.set_elements(0, std::vector<Dim>(static_cast<size_t>(*n), (*element)[0]));
  } else if (rank && (*rank)[0].is_constant() && *(*rank)[0].constant() >= 0 && *(*rank)[0].constant() <= 4096) {
    c.set_unknown_dims(0, dtype, static_cast<size_t>(*(*rank)[0].constant()));
  } else {
    c.set(0, dtype, std::nullopt);
  }
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Shape shape(ONWARD_TRY(read_ints(c, 0)));
  for (int64_t d : shape)
    if (d < 0) return c.error("input 0 holds ", d, ", expected extents of at least 0");
  const DType dtype = a.value.dtype();
  Tensor y = ONWARD_TRY(c.out(0, dtype, shape));
  if (dtype == DType::kString) {
    std::fill_n(y.mutable_data<std::string>(), y.count(), a.value.data<std::string>()[0]);
    return {};
  }
  const std::byte* pattern = a.value.raw();
  std::byte packed{};
  int64_t size = bit_width(dtype) / 8, repeats = y.count();
  if (is_sub_byte(dtype)) {  // a byte of equal elements; the unused bits of the last one are of no meaning
    uint8_t code = 0, codes[4];
    unpack(a.value.raw(), dtype, 1, &code);
    std::fill_n(codes, 4, code);
    pack(codes, dtype, 8 / bit_width(dtype), &packed);
    pattern = &packed;
    size = 1;
    repeats = y.bytes();
  }
  std::byte* out = y.mutable_raw();
  c.parallel_for(repeats, kCheapGrain, [&](int64_t begin, int64_t end) {
    if (size == 1)
      std::memset(out + begin, static_cast<int>(*pattern), static_cast<size_t>(end - begin));
    else
      for (int64_t i = begin; i < end; ++i) std::memcpy(out + i * size, pattern, static_cast<size_t>(size));
  });
  return {};
}

}  // namespace

ONWARD_OPS(constant_of_shape) {
  return {op<Attrs>({.name = "ConstantOfShape", .read = read, .infer = infer, .run = run, .shape_inputs = 1})};
}

}  // namespace ow
