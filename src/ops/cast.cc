// Cast and CastLike: conversion between element types (tensor/convert.h has the rules).
//
// Conversion is elementwise, so a tensor in any axis order without gaps is converted as one flat array, in
// chunks over the threads; other strides are made dense first.
#include <mutex>

#include "kernels/cast_table.h"
#include "ops/op/elementwise.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  DType to = DType::kUndefined;  // CastLike: that of input 1
  bool saturate = true;
  Round round = Round::kUp;
};

Attrs read_rounding(const AttrReader& a) {
  Attrs attrs{.saturate = a.flag("saturate", true)};
  const std::string mode = a.text("round_mode", "up");
  if (mode == "nearest")
    attrs.round = Round::kNearest;
  else if (mode == "down")
    attrs.round = Round::kDown;
  else if (mode != "up")
    a.fail("round_mode", cat("is '", printable(mode), "', expected 'up', 'down' or 'nearest'"));
  return attrs;
}

Result<Attrs> read_cast(const AttrReader& a) {
  Attrs attrs = read_rounding(a);
  a.required_integer("to");
  attrs.to = a.dtype("to", DType::kUndefined);
  if (attrs.to == DType::kUndefined) a.fail("to", "is 0, expected an element type");
  return attrs;
}

Result<Attrs> read_cast_like(const AttrReader& a) { return read_rounding(a); }

// Contents only stay known where they are integers, which every wide enough type keeps; bool asks for more.
Dim same(const Dim* x, size_t) { return x[0]; }
Dim is_true(const Dim* x, size_t) {
  auto order = compare(x[0], Dim(0));
  return order ? Dim(*order != 0) : Dim::unknown();
}

Status infer_to(InferContext& c, DType to) {
  const DType from = c.dtype(0);
  if (from != DType::kUndefined && to != DType::kUndefined && from != to &&
      is_complex(from) != is_complex(to))
    return unsupported(c.node().label(), ": conversion from ", from, " to ", to);
  c.set(0, to, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status infer_cast(const Attrs& a, InferContext& c) {
  ONWARD_TRY(infer_to(c, a.to));
  infer_elements(c, a.to == DType::kBool ? is_true : same);
  return {};
}

Status infer_cast_like(const Attrs&, InferContext& c) {
  ONWARD_TRY(infer_to(c, c.dtype(1)));
  const auto e = known_elements(c, 0);
  const DType to = c.dtype(1);
  if (e && (to == DType::kInt64 || (to == DType::kFloat64 && c.constants(0)))) c.set_elements(0, *e);
  return {};
}

// Dense under some order of the axes.
bool has_no_gaps(const Tensor& t) {
  std::vector<std::pair<int64_t, int64_t>> axes;  // stride, extent
  for (size_t i = 0; i < t.rank(); ++i)
    if (t.dim(i) != 1) axes.emplace_back(t.strides()[i], t.dim(i));
  std::sort(axes.begin(), axes.end());
  int64_t expected = 1;
  for (auto [stride, extent] : axes) {
    if (stride != expected) return false;
    expected *= extent;
  }
  return true;
}

bool same_order(const Tensor& x, const Tensor& y) {
  if (x.is_dense() && y.is_dense()) return true;
  for (size_t i = 0; i < x.rank(); ++i)
    if (x.dim(i) != 1 && x.strides()[i] != y.strides()[i]) return false;
  return has_no_gaps(x);
}

Tensor part(const Tensor& t, int64_t begin, int64_t end) {
  const int64_t offset =
      t.dtype() == DType::kString ? begin * int64_t{sizeof(std::string)} : begin * bit_width(t.dtype()) / 8;
  return Tensor::borrow(t.dtype(), {end - begin}, t.raw() + offset, nullptr);
}

template <class X, class Y>
bool convert_by(void (*kernel)(const X*, int64_t, Y*), const Tensor& x, Tensor& y) {
  if (!kernel) return false;
  kernel(reinterpret_cast<const X*>(x.raw()), x.count(), reinterpret_cast<Y*>(y.mutable_raw()));
  return true;
}

// Whether there is a kernel for it, which has then been run.
bool convert_by_vectors(const Tensor& x, Tensor& y) {
  const kernels::CastTable& k = kernels::cast_table(kernels::best_isa());
  const DType from = x.dtype(), to = y.dtype();
  if (from == DType::kFloat16 && to == DType::kFloat32) return convert_by(k.half_to_float, x, y);
  if (from == DType::kFloat32 && to == DType::kFloat16) return convert_by(k.float_to_half, x, y);
  if (from == DType::kBfloat16 && to == DType::kFloat32) return convert_by(k.bfloat_to_float, x, y);
  if (from == DType::kFloat32 && to == DType::kBfloat16) return convert_by(k.float_to_bfloat, x, y);
  if (from == DType::kBool && to == DType::kFloat32) return convert_by(k.bool_to_float, x, y);
  if (from == DType::kFloat32 && to == DType::kInt64) return convert_by(k.float_to_int64, x, y);
  return false;
}

Status convert_flat(const Attrs& a, RunContext& c, const Tensor& x, Tensor& y) {
  constexpr int64_t kBlock = 64;  // keeps chunks of sub-byte types at whole bytes
  std::mutex mutex;
  Status first;
  c.parallel_for((x.count() + kBlock - 1) / kBlock, 256, [&](int64_t begin, int64_t end) {
    const int64_t last = std::min(end * kBlock, x.count());
    Tensor to = part(y, begin * kBlock, last);
    const Tensor some = part(x, begin * kBlock, last);
    if (convert_by_vectors(some, to)) return;
    Status status = convert_into(some, to, a.saturate, a.round);
    if (status.ok()) return;
    std::lock_guard lock(mutex);
    if (first.ok()) first = std::move(status);
  });
  return std::move(first).context(c.node().label());
}

Status run_to(const Attrs& a, RunContext& c, DType to) {
  const Tensor& x = c.in(0);
  Tensor y = ONWARD_TRY(c.out(0, to, x.shape()));
  if (x.count() == 0) return {};
  if (x.dtype() == to) {
    copy_elements(x, y);
    return {};
  }
  if (same_order(x, y)) return convert_flat(a, c, x, y);
  const Tensor from = ONWARD_TRY(x.owned(c.budget()));
  Tensor dense = ONWARD_TRY(Tensor::allocate(to, x.shape(), c.budget()));
  ONWARD_TRY(convert_flat(a, c, from, dense));
  copy_elements(dense, y);
  return {};
}

Status run_cast(const Attrs& a, RunContext& c) { return run_to(a, c, a.to); }
Status run_cast_like(const Attrs& a, RunContext& c) { return run_to(a, c, c.in(1).dtype()); }

// Cast-1 names the type.
Status upgrade(Rewriter& c) {
  if (c.since_version() >= 6) return {};
  AttrReader a(c.node());
  std::string name = a.required_text("to");
  if (!a.error().ok()) return a.error().clone();
  for (char& letter : name)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  auto to = dtype_from_name(name);
  if (!to)
    return c.error("attribute 'to' is '", printable(name), "', expected an element type such as 'FLOAT'");
  c.set_attribute("to", static_cast<int64_t>(*to));
  return {};
}

}  // namespace

ONWARD_OPS(cast) {
  return {op<Attrs>({.name = "Cast",
                     .read = read_cast,
                     .infer = infer_cast,
                     .upgrade = upgrade,
                     .run = run_cast,
                     .layout = LayoutRule::kElementwise}),
          op<Attrs>(
              {.name = "CastLike", .read = read_cast_like, .infer = infer_cast_like, .run = run_cast_like})};
}

}  // namespace ow
