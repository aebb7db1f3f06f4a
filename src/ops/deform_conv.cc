// DeformConv: convolution whose samples are moved by offsets and weighted by a mask:
//   y[n,o,p] = bias[o] + sum_(c,t) w[o,c,t] * mask[n,g,t,p] * x[n,c, p*stride - pad + t*dilation +
//   offset[n,g,t,:,p]]
// with p and t running over output and kernel positions of any number of axes and g the offset group of
// channel c. Between pixels x is interpolated linearly; outside it is 0.
//
// For each image and group, blocks of output positions are gathered into columns [c * t, positions], which
// the matrix product takes; every output element has one summation order whatever the block and the threads.
#include <cmath>

#include "base/checked.h"
#include "kernels/gemm.h"
#include "kernels/gemm_generic.h"
#include "ops/op/op.h"
#include "ops/op/window.h"

namespace ow {
namespace {

constexpr size_t kMaxAxes = 8;
constexpr int64_t kBlockPositions = 512;

struct Attrs {
  Window window;
  int64_t group = 1, offset_group = 1;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{read_window(a), a.integer("group", 1), a.integer("offset_group", 1)};
  if (attrs.group < 1) a.fail("group", cat("is ", attrs.group, ", expected 1 or more"));
  if (attrs.offset_group < 1) a.fail("offset_group", cat("is ", attrs.offset_group, ", expected 1 or more"));
  return attrs;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape *x = c.shape(0), *w = c.shape(1), *offset = c.shape(2);
  const SymShape* any = x ? x : w ? w : offset;
  if (!any) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  const size_t rank = any->size();
  if (rank < 3 || rank > kMaxAxes + 2)
    return c.error("an input is of rank ", rank, ", expected 3 to ", kMaxAxes + 2);
  for (size_t i : {size_t{0}, size_t{1}, size_t{2}})
    if (c.shape(i) && c.shape(i)->size() != rank)
      return c.error("input ", i, " is ", list_text(*c.shape(i)), ", expected rank ", rank);
  if (const std::string p = window_problem(a.window, rank - 2); !p.empty()) return c.error(p);
  SymShape out{x ? (*x)[0] : Dim::unknown(), w ? (*w)[0] : Dim::unknown()};
  for (size_t i = 0; i + 2 < rank; ++i) {
    std::optional<int64_t> kernel = w ? (*w)[i + 2].constant() : std::nullopt;
    if (!kernel && !a.window.kernel.empty()) kernel = a.window.kernel[i];
    out.push_back(x && kernel ? window_extent(a.window, i, (*x)[i + 2], *kernel)
                  : offset    ? (*offset)[i + 2]
                              : Dim::unknown());
  }
  c.set(0, c.dtype(0), std::move(out));
  return {};
}

struct Call {
  size_t axes = 0;
  WindowAxis axis[kMaxAxes];
  int64_t in[kMaxAxes], in_stride[kMaxAxes];
  int64_t batch = 0, channels = 0, out_channels = 0, per_group = 0;
  int64_t pixels = 1, taps = 1, positions = 1;  // products over the axes of x, kernel and output
  Shape out;
};

Status check_operands(const Attrs& a, const RunContext& c, const Call& k) {
  Shape offset = k.out, mask = k.out;
  auto masks = checked_mul(a.offset_group, k.taps);
  auto offsets = masks ? checked_mul(*masks, static_cast<int64_t>(k.axes)) : masks;
  if (!offsets) return c.error("the kernel is too large");
  offset[1] = *offsets;
  mask[1] = *masks;
  if (!(c.in(2).shape() == offset))
    return c.error("offset has shape ", c.in(2).shape(), ", expected ", offset);
  if (c.has(3) && !(c.in(3).shape() == Shape{k.out_channels}))
    return c.error("B has shape ", c.in(3).shape(), ", expected [", k.out_channels, "]");
  if (c.has(4) && !(c.in(4).shape() == mask))
    return c.error("mask has shape ", c.in(4).shape(), ", expected ", mask);
  return {};
}

Result<Call> read_call(const Attrs& a, const RunContext& c) {
  const Shape &x = c.in(0).shape(), &w = c.in(1).shape();
  if (x.rank() < 3 || x.rank() > kMaxAxes + 2 || w.rank() != x.rank())
    return c.error("X ", x, " and W ", w, ", expected equal ranks from 3 to ", kMaxAxes + 2);
  Call k;
  k.axes = x.rank() - 2;
  k.batch = x[0], k.channels = x[1], k.out_channels = w[0], k.per_group = w[1];
  if (const std::string p = window_problem(a.window, k.axes); !p.empty()) return c.error(p);
  if (k.out_channels % a.group != 0 || k.channels % a.group != 0 || k.channels / a.group != k.per_group ||
      k.channels % a.offset_group != 0)
    return c.error("X ", x, " and W ", w, " do not divide into ", a.group, " groups and ", a.offset_group,
                   " offset groups");
  k.out = Shape{k.batch, k.out_channels};
  for (size_t i = 0; i < k.axes; ++i) {
    if (w[i + 2] < 1 || (!a.window.kernel.empty() && a.window.kernel[i] != w[i + 2]))
      return c.error("W has shape ", w, ", which does not fit kernel_shape ", list_text(a.window.kernel));
    k.axis[i] = ONWARD_TRY(resolve_window(c, a.window, i, x[i + 2], w[i + 2]));
    k.in[i] = x[i + 2];
    k.in_stride[i] = x.count(i + 3, x.rank());
    k.out.push_back(k.axis[i].out);
  }
  k.pixels = x.count(2, x.rank());
  k.taps = w.count(2, w.rank());
  k.positions = k.out.count(2, k.out.rank());
  if (k.pixels < 0 || k.taps < 0 || k.positions < 0 || k.out.count() < 0)
    return c.error("X ", x, " and W ", w, " are too large");
  ONWARD_TRY(check_operands(a, c, k));
  return k;
}

// x at a point between pixels: the sum over the 2^axes pixels around it, those outside counting 0.
template <class T>
T sample(const Call& k, const T* x, const T* at) {
  int64_t base[kMaxAxes];
  T part[kMaxAxes];
  for (size_t i = 0; i < k.axes; ++i) {
    // Also false for NaN, before any conversion to an integer.
    if (!(at[i] > T(-1) && at[i] < static_cast<T>(k.in[i]))) return 0;
    const T low = std::floor(at[i]);
    base[i] = static_cast<int64_t>(low);
    part[i] = at[i] - low;
  }
  T sum = 0;
  for (unsigned corner = 0; corner < 1u << k.axes; ++corner) {
    T weight = 1;
    int64_t from = 0;
    bool inside = true;
    for (size_t i = 0; i < k.axes; ++i) {
      const int64_t p = base[i] + (corner >> i & 1);
      weight *= corner >> i & 1 ? part[i] : 1 - part[i];
      inside &= p >= 0 && p < k.in[i];
      from += p * k.in_stride[i];
    }
    if (inside) sum += weight * x[from];
  }
  return sum;
}

// Columns [channels * taps, count] for output positions from `first` on, of channels from `channel` on.
template <class T>
void gather(const Attrs& a, const Call& k, const RunContext& c, int64_t n, int64_t channel, int64_t first,
            int64_t count, T* columns) {
  const T* offsets = c.in(2).data<T>();
  const T* masks = c.has(4) ? c.in(4).data<T>() : nullptr;
  const int64_t per_offset = k.channels / a.offset_group, axes = static_cast<int64_t>(k.axes);
  for (int64_t row = 0; row < k.per_group * k.taps; ++row) {
    const int64_t ch = channel + row / k.taps, tap = row % k.taps;
    const T* x = c.in(0).data<T>() + (n * k.channels + ch) * k.pixels;
    const int64_t weight_row = (n * a.offset_group + ch / per_offset) * k.taps + tap;
    for (int64_t i = 0; i < count; ++i) {
      T at[kMaxAxes];
      int64_t p = first + i, t = tap;
      for (size_t d = k.axes; d-- > 0;) {
        const WindowAxis& w = k.axis[d];
        const int64_t corner = p % w.out * w.stride - w.pad_begin + t % w.kernel * w.dilation;
        at[d] = static_cast<T>(corner) +
                offsets[(weight_row * axes + static_cast<int64_t>(d)) * k.positions + first + i];
        p /= w.out, t /= w.kernel;
      }
      const T mask = masks ? masks[weight_row * k.positions + first + i] : T(1);
      columns[row * count + i] = mask * sample(k, x, at);
    }
  }
}

// y[m rows] (+)= w * columns, and the bias.
template <class T>
void product(const RunContext& c, const Call& k, int64_t m, int64_t count, const T* w, const T* columns,
             std::byte* packed, const T* bias, T* y) {
  const int64_t depth = k.per_group * k.taps;
  if constexpr (std::is_same_v<T, float>) {
    kernels::pack_b(
        {.b = columns, .k = depth, .n = count, .stride_k = count, .stride_n = 1, .in_double = c.strict()},
        packed, 1);
    kernels::gemm(m, count, depth, w, depth, packed, y, k.positions, {}, 1);
  } else {
    kernels::GenericGemm<T, T, T>{.m = m,
                                  .n = count,
                                  .k = depth,
                                  .a = {w, depth, 1},
                                  .b = {columns, count, 1},
                                  .c = y,
                                  .ldc = k.positions}
        .run(1);
  }
  for (int64_t o = 0; bias && o < m; ++o)
    for (int64_t i = 0; i < count; ++i) y[o * k.positions + i] += bias[o];
}

template <class T>
Status run_typed(const Attrs& a, RunContext& c) {
  const Call k = ONWARD_TRY(read_call(a, c));
  Tensor y = ONWARD_TRY(c.out(0, dtype_of<T>, k.out));
  if (y.count() == 0) return {};
  const int64_t m = k.out_channels / a.group, depth = k.per_group * k.taps;
  const int64_t blocks = (k.positions + kBlockPositions - 1) / kBlockPositions,
                tasks = k.batch * a.group * blocks;
  const int64_t slots = std::max<int64_t>(1, std::min<int64_t>(tasks, c.threads()));
  auto columns_each = checked_mul(depth, kBlockPositions), all = columns_each;
  if (columns_each) all = checked_mul(*columns_each, slots);
  if (!all) return c.error("the kernel of shape ", c.in(1).shape(), " is too large");
  auto columns = ONWARD_TRY(c.scratch_of<T>(*all));
  const int64_t packed_each =
      (static_cast<int64_t>(kernels::packed_b_bytes(1, depth, kBlockPositions)) + 63) / 64 * 64;
  auto packed = ONWARD_TRY(c.scratch(std::is_same_v<T, float> ? packed_each * slots : 0));
  c.parallel_for(slots, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot)
      for (int64_t i = slot; i < tasks; i += slots) {
        if (c.budget() && c.budget()->stopped()) return;
        const int64_t first = i % blocks * kBlockPositions, g = i / blocks % a.group,
                      n = i / blocks / a.group;
        const int64_t count = std::min(kBlockPositions, k.positions - first);
        T* block = columns.data() + slot * *columns_each;
        gather<T>(a, k, c, n, g * k.per_group, first, count, block);
        product<T>(c, k, m, count, c.in(1).data<T>() + g * m * depth, block,
                   packed.data() + slot * packed_each, c.has(3) ? c.in(3).data<T>() + g * m : nullptr,
                   y.mutable_data<T>() + (n * k.out_channels + g * m) * k.positions + first);
      }
  });
  return c.budget() ? c.budget()->check() : Status();
}

Status run(const Attrs& a, RunContext& c) {
  return c.in(0).dtype() == DType::kFloat64 ? run_typed<double>(a, c) : run_typed<float>(a, c);
}

}  // namespace

ONWARD_OPS(deform_conv) {
  return {op<Attrs>(
      {.name = "DeformConv", .read = read, .infer = infer, .run = run, .native = types<float, double>})};
}

}  // namespace ow
