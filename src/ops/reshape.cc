// Reshape: the same elements under shape `shape`. In it, -1 (once) stands for what is left over, and 0 for
// the input's extent at that place, unless `allowzero` makes 0 mean 0. Opsets below 5 have the shape as an
// attribute.
//
// The result is a view of the input, whatever its strides, where the axes that are joined lie side by side.
//
// Extents that are copied by 0, or that are equal symbols on both sides, cancel before the -1 is worked out:
// [N,C,H,W] -> [N,-1] gives [N, C*H*W], also where N is 0.
#include <algorithm>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool allowzero = false;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.allowzero = a.flag("allowzero", false)}; }

// What the -1 stands for: product of `from` over product of `to`, after cancelling.
Result<Dim> left_over(const InferContext& c, SymShape from, const SymShape& to) {
  Dim below(1);
  for (const Dim& d : to) {
    auto same = std::find(from.begin(), from.end(), d);
    if (same != from.end() && !d.is(0))
      from.erase(same);
    else
      below = below * d;
  }
  const Dim above = product(from, 0, from.size());
  if (below.is(0)) return c.error("-1 in the shape is ambiguous: the other extents have product 0");
  if (above.is_constant() && below.is_constant() && *above.constant() % *below.constant() != 0)
    return c.error(above, " elements do not divide into groups of ", below, " for the -1 in the shape");
  return floor_div(above, below);
}

struct Target {
  SymShape shape;
  int wildcard = -1;
  std::vector<bool> copied;  // by input axis
};

Result<Target> read_target(const Attrs& a, const InferContext& c, const std::vector<Dim>& wanted) {
  const SymShape* x = c.shape(0);
  Target t;
  t.copied.resize(x ? x->size() : 0);
  for (size_t i = 0; i < wanted.size(); ++i) {
    Dim d = wanted[i];
    if (d.is(-1)) {
      if (t.wildcard >= 0) return c.error("the shape ", list_text(wanted), " has more than one -1");
      t.wildcard = static_cast<int>(i);
    } else if (d.is_constant() && *d.constant() < -1) {
      return c.error("the shape ", list_text(wanted), " has a negative extent");
    } else if (d.is(0) && !a.allowzero) {
      if (x && i >= x->size())
        return c.error("the shape ", list_text(wanted), " copies axis ", i, " of an input of rank ",
                       x->size());
      d = x ? (*x)[i] : Dim::unknown();
      if (x) t.copied[i] = true;
    }
    t.shape.push_back(d);
  }
  return t;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  const auto* wanted = c.elements(1);
  if (!wanted) {
    const SymShape* s = c.shape(1);
    if (s && s->size() != 1) return c.error("input 1 (shape) is ", list_text(*s), ", expected rank 1");
    if (s && (*s)[0].is_constant() && *(*s)[0].constant() >= 0 && *(*s)[0].constant() <= 64)
      c.set_unknown_dims(0, c.dtype(0), static_cast<size_t>(*(*s)[0].constant()));
    else
      c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  Target t = ONWARD_TRY(read_target(a, c, *wanted));
  if (t.wildcard >= 0 || x) {
    SymShape from, to;
    for (size_t i = 0; x && i < x->size(); ++i)
      if (!t.copied[i]) from.push_back((*x)[i]);
    for (size_t i = 0; i < t.shape.size(); ++i)
      if (static_cast<int>(i) != t.wildcard && !(i < t.copied.size() && t.copied[i]))
        to.push_back(t.shape[i]);
    if (t.wildcard >= 0) {
      t.shape[static_cast<size_t>(t.wildcard)] = x ? ONWARD_TRY(left_over(c, from, to)) : Dim::unknown();
    } else {
      const Dim before = product(from, 0, from.size()), after = product(to, 0, to.size());
      bool empty = false;  // an extent of 0 that is copied makes both sides empty
      for (size_t i = 0; x && i < x->size(); ++i) empty |= t.copied[i] && (*x)[i].is(0);
      if (before.is_constant() && after.is_constant() && !(before == after) && !empty)
        return c.error("input of shape ", list_text(*x), " cannot take shape ", list_text(t.shape));
    }
  }
  const size_t rank = t.shape.size();
  c.set(0, c.dtype(0), std::move(t.shape));
  if (c.elements(0) && rank <= 1) c.set_elements(0, *c.elements(0));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 5) return {};
  c.set_input(1, c.ints(AttrReader(c.node()).integers("shape")));
  c.remove_attribute("shape");
  c.remove_attribute("consumed_inputs");
  return {};
}

// The strides of `x` under another shape of as many elements; nullopt if no strides are those.
std::optional<Shape> strides_under(const Tensor& x, const Shape& shape) {
  Shape strides(shape.rank(), 0);
  if (x.count() == 0) return std::nullopt;
  size_t i = 0, j = 0;
  while (i < x.rank() || j < shape.rank()) {
    // The smallest groups of axes with as many elements on both sides.
    const size_t first = i, to = j;
    int64_t before = i < x.rank() ? x.dim(i++) : 1, behind = j < shape.rank() ? shape[j++] : 1;
    while (before != behind)
      if (before < behind)
        before *= x.dim(i++);
      else
        behind *= shape[j++];
    int64_t stride = 0, extent = 1;  // of the axes taken so far, from the innermost
    for (size_t k = i; k-- > first;) {
      if (x.dim(k) == 1) continue;
      if (extent > 1 && x.strides()[k] != stride * extent) return std::nullopt;
      if (extent == 1) stride = x.strides()[k];
      extent *= x.dim(k);
    }
    for (size_t k = j; k-- > to; stride *= shape[k]) strides[k] = stride;
  }
  return strides;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const auto wanted = ONWARD_TRY(read_ints(c, 1));
  Shape shape(wanted);
  std::vector<int64_t> from(x.shape().begin(), x.shape().end()), to;
  int wildcard = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1) {
      if (wildcard >= 0) return c.error("the shape ", shape, " has more than one -1");
      wildcard = static_cast<int>(i);
    } else if (wanted[i] == 0 && !a.allowzero) {
      if (i >= x.rank()) return c.error("the shape ", shape, " copies axis ", i, " of ", x.shape());
      shape[i] = x.dim(i);
      from[i] = 1;
    } else if (wanted[i] < 0) {
      return c.error("the shape ", shape, " has a negative extent");
    } else {
      to.push_back(wanted[i]);
    }
  }
  const auto below = checked_product(to), above = checked_product(from);
  if (!below || !above) return c.error("the shape ", shape, " is too large");
  if (wildcard >= 0) {
    if (*below == 0 || *above % *below != 0)
      return c.error("the -1 in shape ", Shape(wanted), " has no value for an input of shape ", x.shape());
    shape[static_cast<size_t>(wildcard)] = *above / *below;
  }
  if (checked_product(shape.dims()) != x.count())
    return c.error("input of shape ", x.shape(), " cannot take shape ", shape);
  if (x.is_dense()) {
    c.set(0, x.reshaped(shape));
  } else if (const auto strides = strides_under(x, shape)) {
    c.set(0, x.strided(shape, *strides));
  } else {
    c.set(0, ONWARD_TRY(x.owned(c.budget())).reshaped(shape));
  }
  return {};
}

}  // namespace

ONWARD_OPS(reshape) {
  return {op<Attrs>({.name = "Reshape",
                     .read = read,
                     .infer = infer,
                     .upgrade = upgrade,
                     .run = run,
                     .view_of = 0,
                     .shape_inputs = 2})};
}

}  // namespace ow
