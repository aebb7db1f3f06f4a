// GlobalAveragePool, GlobalMaxPool and GlobalLpPool: each channel's mean, maximum or p-norm over all pixels.
//
// Neighbouring channels of a channels-last image are folded side by side; sums run in double, means of float
// in blocks of pixels that are joined in double.
#include <array>
#include <cmath>
#include <limits>

#include "kernels/compensated_sum.h"
#include "kernels/pool.h"
#include "ops/op/elementwise.h"
#include "ops/op/image.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t p = 2;
};

Result<Attrs> read(const AttrReader& a) {
  const int64_t p = a.integer("p", 2);
  if (p < 1) a.fail("p", cat("is ", p, ", expected 1 or more"));
  return Attrs{p};
}

Status infer(const Attrs&, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    return {};
  }
  if (x->size() < 2) return c.error("input 0 is ", list_text(*x), ", expected rank 2 or more");
  SymShape out(x->size(), Dim(1));
  out[0] = (*x)[0];
  out[1] = (*x)[1];
  c.set(0, c.dtype(0), std::move(out));
  return {};
}

// GlobalLpPool-1 had p as a number with a fraction.
Status upgrade(Rewriter& c) {
  if (c.node().op_type != "GlobalLpPool" || c.since_version() > 1) return {};
  const float p = AttrReader(c.node()).real("p", 2);
  if (p < 1 || p > 1024 || p != static_cast<float>(static_cast<int64_t>(p)))
    return c.cannot("p is ", p, ", expected a whole number from 1 on");
  c.set_attribute("p", static_cast<int64_t>(p));
  return {};
}

struct Average {
  using Acc = kernels::CompensatedSum;
  static Acc start() { return 0; }
  void step(Acc& a, double x) const { a += x; }
  double finish(const Acc& a, int64_t n) const { return static_cast<double>(a) / static_cast<double>(n); }
};
struct Maximum {
  using Acc = double;
  static double start() { return -std::numeric_limits<double>::infinity(); }
  void step(double& a, double x) const { a = x > a || x != x ? x : a; }
  double finish(double a, int64_t) const { return a; }
};
struct LpNorm {
  using Acc = kernels::CompensatedSum;
  int64_t p;
  static Acc start() { return 0; }
  void step(Acc& a, double x) const {
    a += p == 1 ? std::fabs(x) : p == 2 ? x * x : std::pow(std::fabs(x), static_cast<double>(p));
  }
  double finish(const Acc& a, int64_t) const {
    const double sum = static_cast<double>(a);
    return p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1.0 / static_cast<double>(p));
  }
};

// Channels that are folded together: a line of the cache at least, and so few that large images make several.
constexpr int64_t kBlock = 256, kLine = 16, kBlockWork = 65536;
int64_t block_of(int64_t pixels) {
  const int64_t lines = (kBlockWork / std::max<int64_t>(pixels, 1) + kLine - 1) / kLine;
  return std::clamp(lines * kLine, kLine, kBlock);
}

template <class T, class Fold>
void fold_channels(const T* x, const Planes& p, int64_t channels, T* y, int64_t y_stride, const Fold& fold) {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Fold, Average>)
    if (p.channel_stride == 1 && y_stride == 1 && p.pixels > 0)
      return kernels::average_pixels(x, p.pixels, p.pixel_stride, channels, y);
  std::array<typename Fold::Acc, kBlock> acc;
  acc.fill(Fold::start());
  for (int64_t i = 0; i < p.pixels; ++i)
    for (int64_t ch = 0; ch < channels; ++ch)
      fold.step(acc[static_cast<size_t>(ch)],
                static_cast<double>(x[i * p.pixel_stride + ch * p.channel_stride]));
  for (int64_t ch = 0; ch < channels; ++ch)
    y[ch * y_stride] = static_cast<T>(fold.finish(acc[static_cast<size_t>(ch)], p.pixels));
}

template <class T, class Fold>
Status run_typed(RunContext& c, const Fold& fold) {
  const Tensor& given = c.in(0);
  if (given.rank() < 2) return c.error("input 0 has shape ", given.shape(), ", expected rank 2 or more");
  Shape shape(given.rank(), 1);
  shape[0] = given.dim(0);
  shape[1] = given.dim(1);
  constexpr bool kByVectors = std::is_same_v<T, float> && std::is_same_v<Fold, Average>;
  const auto order = planes(given);
  const bool as_is = order && (!kByVectors || order->channel_stride == 1);
  const Tensor x = as_is ? given : ONWARD_TRY(channels_last(c, given));
  const Planes p = *planes(x);
  Tensor y = ONWARD_TRY(c.out(0, given.dtype(), shape));
  if (y.count() == 0) return {};
  const Planes py = *planes(y);
  const T* in = x.data<T>();
  T* out = y.mutable_data<T>();
  const int64_t block = p.channel_stride == 1 ? block_of(p.pixels) : 1,
                blocks = (p.channels + block - 1) / block;
  c.parallel_for(p.batch * blocks, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.pixels * block)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const int64_t n = i / blocks, first = i % blocks * block;
                     fold_channels(in + n * p.batch_stride + first * p.channel_stride, p,
                                   std::min(block, p.channels - first),
                                   out + n * py.batch_stride + first * py.channel_stride, py.channel_stride,
                                   fold);
                   }
                 });
  return {};
}

template <class Fold>
Status run_fold(RunContext& c, const Fold& fold) {
  return visit_types(Floats{}, c, c.in(0).dtype(), [&]<class T>(T) { return run_typed<T>(c, fold); });
}
Status run_average(const Attrs&, RunContext& c) { return run_fold(c, Average{}); }
Status run_max(const Attrs&, RunContext& c) { return run_fold(c, Maximum{}); }
Status run_lp(const Attrs& a, RunContext& c) { return run_fold(c, LpNorm{a.p}); }

std::unique_ptr<Op> row(std::string_view name, Status (*run)(const Attrs&, RunContext&)) {
  return op<Attrs>({.name = name,
                    .read = read,
                    .infer = infer,
                    .upgrade = upgrade,
                    .run = run,
                    .native = types<float, double>,
                    .layout = LayoutRule::kChannelsLast});
}

}  // namespace

ONWARD_OPS(global_pool) {
  return {row("GlobalAveragePool", run_average), row("GlobalMaxPool", run_max), row("GlobalLpPool", run_lp)};
}

}  // namespace ow
