// DepthToSpace: blocks of b*b channels become b x b pixels; SpaceToDepth is the way back.
//   DCR: y[n, c, h*b + i, w*b + j] = x[n, (i*b + j)*C + c, h, w]
//   CRD: y[n, c, h*b + i, w*b + j] = x[n, c*b*b + i*b + j, h, w]
// Both are one strided copy over six axes.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t blocksize = 1;
  bool crd = false;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.blocksize = a.required_integer("blocksize")};
  const std::string mode = a.text("mode", "DCR");
  attrs.crd = mode == "CRD";
  if (mode != "DCR" && mode != "CRD") a.fail("mode", cat("is '", mode, "', expected DCR or CRD"));
  if (attrs.blocksize < 1 || attrs.blocksize > (1 << 20))
    a.fail("blocksize", cat("is ", attrs.blocksize, ", expected at least 1"));
  return attrs;
}

template <bool kToSpace>
Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  const Dim b(a.blocksize), bb = b * b;
  if (!x) {
    c.set_unknown_dims(0, c.dtype(0), 4);
    return {};
  }
  if (x->size() != 4) return c.error("input is ", list_text(*x), ", expected rank 4");
  auto divided = [&](const Dim& d, const Dim& by) -> Result<Dim> {
    if (d.is_constant() && *d.constant() % *by.constant())
      return c.error("input is ", list_text(*x), ": ", d, " is no multiple of ", by);
    return floor_div(d, by);
  };
  const SymShape& s = *x;
  if (kToSpace) {
    const Dim channels = ONWARD_TRY(divided(s[1], bb));
    c.set(0, c.dtype(0), SymShape{s[0], channels, s[2] * b, s[3] * b});
  } else {
    const Dim h = ONWARD_TRY(divided(s[2], b)), w = ONWARD_TRY(divided(s[3], b));
    c.set(0, c.dtype(0), SymShape{s[0], s[1] * bb, h, w});
  }
  return {};
}

template <bool kToSpace>
Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const int64_t b = a.blocksize;
  if (x.rank() != 4) return c.error("input is ", x.shape(), ", expected rank 4");
  size_t place[4];
  for (int64_t i = 0; i < 4; ++i) place[i] = static_cast<size_t>(ONWARD_TRY(read_axis(c, i, 4)));
  const int64_t c0 = x.dim(place[1]), h0 = x.dim(place[2]), w0 = x.dim(place[3]);
  if (kToSpace ? c0 % (b * b) : h0 % b + w0 % b)
    return c.error("input of ", c0, " channels of ", h0, " x ", w0, " does not divide into blocks of ", b);
  const int64_t n = x.dim(place[0]), channels = kToSpace ? c0 / (b * b) : c0, h = kToSpace ? h0 : h0 / b,
                w = kToSpace ? w0 : w0 / b;
  auto rows = checked_mul(h, b), columns = checked_mul(w, b), depth = checked_mul(channels, b * b);
  if (!rows || !columns || !depth) return c.error("blocks of ", b, " make an output that is too large");
  Units from = ONWARD_TRY(units_of(c, x));
  Shape wide(4, 0), deep(4, 0);
  const int64_t wide_dims[] = {n, channels, *rows, *columns}, deep_dims[] = {n, *depth, h, w};
  for (size_t i = 0; i < 4; ++i) wide[place[i]] = wide_dims[i], deep[place[i]] = deep_dims[i];
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), kToSpace ? wide : deep));
  // Axes n, c, i, j, h, w: i and j are the pixel within the block.
  const int64_t dims[] = {n, channels, b, b, h, w};
  const int64_t pixel = a.crd ? 1 : channels;
  auto stride = [&](const Shape& shape, size_t axis) { return dense_strides(shape)[place[axis]]; };
  const int64_t deep_strides[] = {stride(deep, 0),
                                  stride(deep, 1) * (a.crd ? b * b : 1),
                                  stride(deep, 1) * b * pixel,
                                  stride(deep, 1) * pixel,
                                  stride(deep, 2),
                                  stride(deep, 3)};
  const int64_t wide_strides[] = {stride(wide, 0), stride(wide, 1),     stride(wide, 2),
                                  stride(wide, 3), stride(wide, 2) * b, stride(wide, 3) * b};
  if (kToSpace)
    copy_strided_units(c, y.units, wide_strides, from, deep_strides, dims);
  else
    copy_strided_units(c, y.units, deep_strides, from, wide_strides, dims);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(depth_to_space) {
  return {op<Attrs>({.name = "DepthToSpace",
                     .read = read,
                     .infer = infer<true>,
                     .run = run<true>,
                     .layout = LayoutRule::kAlongAxes}),
          op<Attrs>({.name = "SpaceToDepth",
                     .read = read,
                     .infer = infer<false>,
                     .run = run<false>,
                     .layout = LayoutRule::kAlongAxes})};
}

}  // namespace ow
