#include "ops/op/quantization.h"

namespace ow {

Result<Granularity> granularity(const RunContext& c, const Shape& x, const Shape& scale, int64_t axis,
                                int64_t block_size) {
  Granularity g;
  const bool one = scale.count() == 1 && (scale.empty() || (block_size == 0 && scale.rank() == 1));
  if (one && !(scale.rank() == 1 && x.rank() > 1 && block_size != 0)) {
    g.inner = std::max<int64_t>(1, x.count());
    return g;
  }
  const auto a = static_cast<size_t>(x.rank() == 1 ? 0 : ONWARD_TRY(read_axis(c, axis, x.rank())));
  g.extent = x[a];
  g.inner = x.count(a + 1, x.rank());
  if (scale.rank() == 1 && block_size == 0) {
    if (scale[0] != x[a])
      return c.error("the scale has shape ", scale, ", expected one value or ", x[a], " (axis ", a,
                     " of input 0, ", x, ")");
    g.per_axis = true;
    if (g.inner == 1) {  // neighbours have neighbouring parameters
      g.inner = g.extent;
      g.extent = 1;
      g.step = 1;
    }
    return g;
  }
  bool fits = scale.rank() == x.rank() && block_size >= 0;
  for (size_t i = 0; fits && i < x.rank(); ++i) fits = i == a || scale[i] == x[i];
  if (fits) g.block = block_size > 0 ? block_size : scale[a] > 0 ? (x[a] + scale[a] - 1) / scale[a] : 1;
  if (!fits || g.block < 1 || scale[a] != (x[a] + g.block - 1) / g.block)
    return c.error("the scale has shape ", scale, ", which is no blocking of ", x, " along axis ", a,
                   " with block_size ", block_size);
  g.blocked = true;
  g.blocks = scale[a];
  g.step = 1;
  return g;
}

void for_each_piece(const RunContext& c, const Granularity& g, int64_t count,
                    const std::function<void(int64_t, int64_t, int64_t)>& f) {
  c.parallel_for(count, 16384, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t row = begin / g.inner, at = begin % g.inner, n = std::min(end - begin, g.inner - at);
      f(begin, n, g.parameter(row) + at * g.step);
      begin += n;
    }
  });
}

IntegerRange integer_range(DType t) {
  const int64_t half = int64_t{1} << (bit_width(t) - 1);
  return is_signed_integer(t) ? IntegerRange{-half, half - 1} : IntegerRange{0, 2 * half - 1};
}

}  // namespace ow
