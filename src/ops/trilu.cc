// Trilu: the upper (default) or lower triangle of each matrix, from diagonal k; zero elsewhere.
#include <cstring>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool upper = true;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{a.flag("upper", true)}; }

Status infer(const Attrs&, InferContext& c) {
  if (c.shape(0) && c.shape(0)->size() < 2)
    return c.error("input 0 has rank ", c.shape(0)->size(), ", expected at least 2");
  return infer_same(c);
}

// Columns [0, begin) and [end, columns) of row r are zero.
std::pair<int64_t, int64_t> kept_columns(bool upper, int64_t r, int64_t k, int64_t columns) {
  const int64_t diagonal = checked_add(r, k).value_or(k < 0 ? INT64_MIN : INT64_MAX);
  if (upper) return {std::clamp<int64_t>(diagonal, 0, columns), columns};
  return {0, diagonal < 0 ? 0 : diagonal >= columns ? columns : diagonal + 1};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() < 2) return c.error("input 0 has rank ", x.rank(), ", expected at least 2");
  int64_t k = 0;
  if (c.has(1)) {
    const auto values = ONWARD_TRY(read_ints(c, 1));
    if (values.size() != 1) return c.error("k has ", values.size(), " elements, expected one");
    k = values[0];
  }
  Tensor y = ONWARD_TRY(c.out(0, x.dtype(), x.shape()));
  if (x.count() == 0) return {};
  const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1), lines = x.count() / columns;
  if (is_sub_byte(x.dtype())) return c.error("cannot take triangles of elements of type ", x.dtype());
  const bool strings = x.dtype() == DType::kString;
  const int64_t size = bit_width(x.dtype()) / 8;
  c.parallel_for(lines, std::max<int64_t>(1, 16384 / columns), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto [from, to] = kept_columns(a.upper, i % rows, k, columns);
      if (strings) {
        for (int64_t j = 0; j < columns; ++j)
          y.mutable_data<std::string>()[i * columns + j] =
              j >= from && j < to ? x.data<std::string>()[i * columns + j] : std::string();
        continue;
      }
      std::byte* out = y.mutable_raw() + i * columns * size;
      if (to > from)
        std::memmove(out + from * size, x.raw() + (i * columns + from) * size, static_cast<size_t>((to - from) * size));
      std::memset(out, 0, static_cast<size_t>(std::min(from, columns) * size));
      const int64_t tail = std::max(to, from);
      std::memset(out + tail * size, 0, static_cast<size_t>((columns - tail) * size));
    }
  });
  return {};
}

}  // namespace

ONWARD_OPS(trilu) {
  return {op<Attrs>({.name = "Trilu", .read = read, .infer = infer, .run = run, .in_place = {{0, 0}}})};
}

}  // namespace ow
