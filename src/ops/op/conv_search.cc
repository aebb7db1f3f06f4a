#include "ops/op/conv_search.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "kernels/cpu.h"
#include "kernels/dots.h"
#include "kernels/winograd.h"
#include "ops/op/tuning.h"
#include "tensor/tensor.h"

namespace ow {
namespace {

using kernels::ConvMethod;
using kernels::ConvShape;

std::string task(const ConvShape& s, int threads) {
  const auto axes = [](const int64_t(&v)[3]) { return cat(v[0], "x", v[1], "x", v[2]); };
  return cat("Conv float32 ", s.batch, "x", s.in_channels, "x", axes(s.in), " to ", s.out_channels, "x",
             axes(s.out), " kernel ", axes(s.kernel), " stride ", axes(s.stride), " dilation ",
             axes(s.dilation), " groups ", s.groups, " by ", kernels::isa_name(kernels::best_isa()), ", ",
             threads, " threads");
}

// The least of a few runs; of one, where that takes long.
Status time_method(const ConvShape& s, const kernels::UnalignedFloat* w, int threads, double& seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 7;
  constexpr double kLongSeconds = 0.02;
  const auto buffer = [](size_t bytes) {
    return allocate_buffer(static_cast<int64_t>(std::max<size_t>(bytes, 64)));
  };
  const auto image_bytes = [](int64_t pixels, int64_t ld) {
    return static_cast<size_t>(pixels * ld) * sizeof(float);
  };
  const size_t in_bytes = image_bytes(s.batch * s.in_pixels(), s.in_ld);
  const Buffer packed = ONWARD_TRY(buffer(kernels::conv_packed_bytes(s))), in = ONWARD_TRY(buffer(in_bytes)),
               out = ONWARD_TRY(buffer(image_bytes(s.batch * s.out_pixels(), s.out_ld))),
               scratch = ONWARD_TRY(buffer(kernels::conv_scratch_bytes(s, threads)));
  std::memset(in.get(), 0, in_bytes);
  kernels::conv_pack(s, w, packed.get(), threads);
  double spent = 0;
  for (int run = 0; run < kRuns && (run == 0 || spent < kLongSeconds); ++run) {
    const auto start = Clock::now();
    kernels::conv(s, packed.get(), reinterpret_cast<const float*>(in.get()),
                  reinterpret_cast<float*>(out.get()), {}, scratch.get(), threads);
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    spent += took;
    if (run > 0 || took > kLongSeconds) seconds = std::min(seconds, took);  // the first finds cold caches
  }
  return {};
}

}  // namespace

std::optional<ConvMethod> searched_method(const ConvShape& shape, const kernels::UnalignedFloat* w,
                                          int threads) {
  Tuning* tuning = Tuning::current();
  if (!tuning || shape.groups != 1) return std::nullopt;
  ConvShape s = shape;
  s.in_ld = s.in_channels, s.out_ld = s.out_channels;
  std::vector<ConvMethod> methods = {ConvMethod::kDirect};
  std::vector<std::string_view> names = {"direct"};
  const auto offer = [&](bool applies, ConvMethod method, std::string_view name) {
    if (applies) methods.push_back(method), names.push_back(name);
  };
  const auto offer_winograd = [&](int m, ConvMethod before, ConvMethod at_use, std::string_view before_name,
                                  std::string_view at_use_name) {
    const bool applies = kernels::winograd_applies(s, m);
    offer(applies, before, before_name);
    offer(applies, at_use, at_use_name);
  };
  offer_winograd(2, ConvMethod::kWinograd2, ConvMethod::kWinograd2AtUse, "winograd2", "winograd2 at use");
  offer_winograd(3, ConvMethod::kWinograd3, ConvMethod::kWinograd3AtUse, "winograd3", "winograd3 at use");
  offer_winograd(4, ConvMethod::kWinograd4, ConvMethod::kWinograd4AtUse, "winograd4", "winograd4 at use");
  offer_winograd(6, ConvMethod::kWinograd6, ConvMethod::kWinograd6AtUse, "winograd6", "winograd6 at use");
  offer(kernels::dots_apply(s), ConvMethod::kDots, "dots");
  if (methods.size() == 1) return std::nullopt;
  const auto best = tuning->choose(task(s, threads), names, [&](size_t i, double& seconds) {
    s.method = methods[i];
    if (!time_method(s, w, threads, seconds).ok()) seconds = std::numeric_limits<double>::infinity();
  });
  return best ? std::optional(methods[*best]) : std::nullopt;
}

}  // namespace ow
