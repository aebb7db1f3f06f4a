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
  if (kToSpace)
    c.set(0, c.dtype(0), SymShape{s[0], ONWARD_TRY(divided(s[1], bb)), s[2] * b, s[3] * b});
  else
    c.set(0, c.dtype(0),
          SymShape{s[0], s[1] * bb, ONWARD_TRY(divided(s[2], b)), ONWARD_TRY(divided(s[3], b))});
  return {};
}

template <bool kToSpace>
Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const int64_t b = a.blocksize;
  if (x.rank() != 4 || (kToSpace ? x.dim(1) % (b * b) : x.dim(2) % b + x.dim(3) % b))
    return c.error("input of shape ", x.shape(), " does not divide into blocks of ", b);
  const int64_t n = x.dim(0), channels = kToSpace ? x.dim(1) / (b * b) : x.dim(1),
                h = kToSpace ? x.dim(2) : x.dim(2) / b, w = kToSpace ? x.dim(3) : x.dim(3) / b;
  auto rows = checked_mul(h, b), columns = checked_mul(w, b), depth = checked_mul(channels, b * b);
  if (!rows || !columns || !depth) return c.error("blocks of ", b, " make an output that is too large");
  Units from = ONWARD_TRY(units_of(c, x));
  const Shape wide{n, channels, *rows, *columns}, deep{n, *depth, h, w};
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), kToSpace ? wide : deep));
  // Axes n, c, i, j, h, w: i and j are the pixel within the block.
  const int64_t plane = h * w, pixel = a.crd ? 1 : channels;
  const int64_t dims[] = {n, channels, b, b, h, w};
  const int64_t deep_strides[] = {
      *depth * plane, (a.crd ? b * b : 1) * plane, b * pixel * plane, pixel * plane, w, 1};
  const int64_t wide_strides[] = {*depth * plane, b * b * plane, w * b, 1, b * w * b, b};
  if (kToSpace)
    copy_strided_units(c, y.units, wide_strides, from, deep_strides, dims);
  else
    copy_strided_units(c, y.units, deep_strides, from, wide_strides, dims);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(depth_to_space) {
  return {op<Attrs>({.name = "DepthToSpace", .read = read, .infer = infer<true>, .run = run<true>}),
          op<Attrs>({.name = "SpaceToDepth", .read = read, .infer = infer<false>, .run = run<false>})};
}

}  // namespace ow
