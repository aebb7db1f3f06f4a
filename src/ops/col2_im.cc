// Col2Im: adds the columns of a [N, C * prod(block), L] matrix back into images [N, C, image_shape..]: column
// l is the block at the l-th position of a sliding window with strides, dilations and pads.
#include <algorithm>

#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<ir::Ints> dilations, pads, strides;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{a.maybe_integers("dilations"), a.maybe_integers("pads"), a.maybe_integers("strides")};
  auto positive = [&](std::string_view name, const std::optional<ir::Ints>& v) {
    if (v && std::any_of(v->begin(), v->end(), [](int64_t i) { return i < 1 || i > INT32_MAX; }))
      a.fail(name, "has a value that is not positive");
  };
  positive("dilations", attrs.dilations);
  positive("strides", attrs.strides);
  if (attrs.pads &&
      std::any_of(attrs.pads->begin(), attrs.pads->end(), [](int64_t i) { return i < 0 || i > INT32_MAX; }))
    a.fail("pads", "has a negative value");
  return attrs;
}

Status infer(const Attrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  const auto *image = c.elements(1), *block = c.elements(2);
  c.set(0, c.dtype(0), std::nullopt);
  if (x && x->size() != 3) return c.error("input is ", list_text(*x), ", expected rank 3");
  if (!image) return {};
  SymShape shape{x ? (*x)[0] : Dim::unknown(), Dim::unknown()};
  if (x && block) {
    const Dim per_pixel = product(*block, 0, block->size());
    if (!per_pixel.is(0)) shape[1] = floor_div((*x)[1], per_pixel);
  }
  shape.insert(shape.end(), image->begin(), image->end());
  c.set(0, c.dtype(0), std::move(shape));
  return {};
}

struct Window {
  std::vector<int64_t> image, block, steps, dilations, begin, stride;
};

Result<Window> read_window(const Attrs& a, RunContext& c) {
  Window w;
  w.image = ONWARD_TRY(read_ints(c, 1));
  w.block = ONWARD_TRY(read_ints(c, 2));
  const size_t n = w.image.size();
  w.dilations = a.dilations.value_or(ir::Ints(n, 1));
  w.stride = a.strides.value_or(ir::Ints(n, 1));
  const ir::Ints pads = a.pads.value_or(ir::Ints(2 * n, 0));
  if (w.block.size() != n || w.dilations.size() != n || w.stride.size() != n || pads.size() != 2 * n)
    return c.error("block_shape, dilations, strides and pads do not fit an image of rank ", n);
  for (size_t i = 0; i < n; ++i) {
    if (w.block[i] < 1 || w.block[i] > INT32_MAX || w.image[i] < 1 || w.image[i] > INT32_MAX)
      return c.error("an extent of image_shape or block_shape is not positive");
    const int64_t room = w.image[i] + pads[i] + pads[i + n] - (w.dilations[i] * (w.block[i] - 1) + 1);
    if (room < 0) return c.error("the block is larger than the image in axis ", i);
    w.begin.push_back(pads[i]);
    w.steps.push_back(room / w.stride[i] + 1);
  }
  return w;
}

template <class T>
void add_column(const Window& w, const T* from, const Odometer& at_block, const Shape& strides, T* image) {
  Odometer at(w.steps);
  const int64_t columns = checked_product(w.steps).value_or(0);
  for (int64_t l = 0; l < columns; ++l, at.step()) {
    int64_t to = 0;
    bool inside = true;
    for (size_t i = 0; i < w.image.size() && inside; ++i) {
      const int64_t p = at[i] * w.stride[i] + at_block[i] * w.dilations[i] - w.begin[i];
      inside = p >= 0 && p < w.image[i];
      to += p * strides[i];
    }
    if (inside) image[to] += from[l];
  }
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const Window w = ONWARD_TRY(read_window(a, c));
  auto block = checked_product(w.block), columns = checked_product(w.steps);
  if (x.rank() != 3 || !block || !columns || x.dim(1) % *block || x.dim(2) != *columns)
    return c.error("input has shape ", x.shape(), ", expected [N, C*", block.value_or(0), ", ",
                   columns.value_or(0), "]");
  const int64_t channels = x.dim(1) / *block;
  Shape shape{x.dim(0), channels};
  for (int64_t d : w.image) shape.push_back(d);
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), shape));
  std::fill_n(y.mutable_data<T>(), y.count(), T(0));
  const Shape strides = dense_strides(Shape(w.image));
  const int64_t pixels = checked_product(w.image).value_or(0);
  c.parallel_for(x.dim(0) * channels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) {
      Odometer at(w.block);
      for (int64_t b = 0; b < *block; ++b, at.step())
        add_column(w, x.data<T>() + (plane * *block + b) * *columns, at, strides,
                   y.mutable_data<T>() + plane * pixels);
    }
  });
  return {};
}

template <class... T>
Status dispatch(const Attrs& a, RunContext& c) {
  Status status = c.error("values of type ", c.in(0).dtype(), " cannot be added");
  ((c.in(0).dtype() == dtype_of<T> ? (status = run_typed<T>(a, c), true) : false) || ...);
  return status;
}

Status run(const Attrs& a, RunContext& c) {
  return dispatch<float, double, int32_t, int64_t, uint64_t, uint8_t, int8_t, std::complex<float>,
                  std::complex<double>>(a, c);
}

}  // namespace

ONWARD_OPS(col2_im) {
  return {op<Attrs>({.name = "Col2Im",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double, int32_t, int64_t, uint64_t, uint8_t, int8_t,
                                     std::complex<float>, std::complex<double>>,
                     .shape_inputs = 0b110})};
}

}  // namespace ow
