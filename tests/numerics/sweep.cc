#include "numerics/sweep.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <mutex>

#include "base/thread_pool.h"
#include "kernels/cpu.h"
#include "numerics/check.h"
#include "numerics/error.h"
#include "numerics/network.h"

namespace ow::numerics {
namespace {

using kernels::Isa;
constexpr int64_t kBlock = int64_t{1} << 20, kGrain = 1 << 14;

// Number k of the sample: somewhere among 4096 neighbours, another place in each.
uint32_t sample(uint32_t k) { return (k << 12) | ((k * 2654435761u) >> 20); }

// Where formulas change, and the ends of the range.
const float kSpecial[] = {
    0.0f,           -0.0f,      kInf,      -kInf,         1.0f,           -1.0f,      0.5f,  -0.5f,
    0.625f,         0.6250001f, 88.72283f, 88.7229f,      -103.97f,       -103.9720f, -104,  -87.33654f,
    -87.4f,         1.5f,       2.5f,      -2.5f,         0.390625f,      5.5f,       -5.5f, -5.4999995f,
    1.1754944e-38f, 1e-45f,     -1e-45f,   3.4028235e38f, -3.4028235e38f, 8388607.5f, 10.0f, 89.0f};

std::vector<float> block(bool all, int64_t index) {
  std::vector<float> x(static_cast<size_t>(kBlock));
  for (size_t i = 0; i < x.size(); ++i) {
    const auto k = static_cast<uint32_t>(i);
    x[i] = std::bit_cast<float>(all ? static_cast<uint32_t>(index * kBlock) + k : sample(k));
  }
  if (!all) {
    for (size_t i = 0; i < std::size(kSpecial); ++i) x[i] = kSpecial[i];
    for (size_t i = 0; i < 32768; ++i) x[32768 + i] = (static_cast<float>(i) - 16384) / 1024;
  }
  return x;
}

class Sweep {
 public:
  Sweep(const Function& f, std::span<const Isa> isas, int threads) : f_(f), threads_(threads) {
    for (Isa isa : isas) runs_.push_back({isa, Network::of_one(f.nodes, {.threads = threads})});
  }

  void add(std::span<const float> x) {
    want_.resize(x.size());
    parallel([&](int64_t i) { want_[i] = f_.reference(static_cast<double>(x[i])); }, x.size());
    y_.resize(x.size());
    for (Run& r : runs_) {
      kernels::force_isa(r.isa);
      r.network.run(x, y_);
      kernels::clear_forced_isa();
      parallel_for(static_cast<int64_t>(x.size()), kGrain, threads_, [&](int64_t begin, int64_t end) {
        Errors some;
        for (int64_t i = begin; i < end; ++i)
          if (!(std::fabs(x[i]) > f_.domain)) some.add(x[i], y_[i], want_[i]);
        const std::lock_guard lock(mutex_);
        r.errors.add(some);
      });
    }
  }

  FunctionErrors result() const {
    FunctionErrors out{f_.name, f_.limit, f_.domain, {}};
    for (const Run& r : runs_) out.by_isa.emplace_back(kernels::isa_name(r.isa), r.errors);
    return out;
  }

 private:
  struct Run {
    Isa isa;
    Network network;
    Errors errors;
  };
  template <class F>
  void parallel(F f, size_t n) {
    parallel_for(static_cast<int64_t>(n), kGrain, threads_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) f(i);
    });
  }
  const Function& f_;
  const int threads_;
  std::vector<Run> runs_;
  std::vector<double> want_;
  std::vector<float> y_;
  std::mutex mutex_;
};

}  // namespace

std::vector<Isa> available_isas() {
  std::vector<Isa> out;
  for (Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kPortable})
    if (kernels::isa_available(isa)) out.push_back(isa);
  return out;
}

void Errors::add(float x, float y, double want) {
  const double e = ulp_error(y, want);
  ++count;
  above_half += e > 0.5;
  above_one += e > 1;
  above_two += e > 2;
  inexact += !is_same(y, static_cast<float>(want));
  sum += e;
  if (e > worst || count == 1) worst = e, at = x, got = y;
}

void Errors::add(const Errors& o) {
  if (o.worst > worst || count == 0) worst = o.worst, at = o.at, got = o.got;
  count += o.count, above_half += o.above_half, above_one += o.above_one, above_two += o.above_two;
  inexact += o.inexact, sum += o.sum;
}

bool FunctionErrors::is_met() const {
  for (const auto& [isa, e] : by_isa)
    if (limit == 0 ? e.inexact > 0 : e.worst > limit) return false;
  return true;
}

std::vector<FunctionErrors> sweep(bool all, std::span<const std::string> isas, const std::string& only) {
  std::vector<Isa> chosen;
  for (Isa isa : available_isas())
    if (isas.empty() || std::find(isas.begin(), isas.end(), kernels::isa_name(isa)) != isas.end())
      chosen.push_back(isa);
  std::vector<FunctionErrors> out;
  for (const Function& f : functions()) {
    if (!f.name.starts_with(only)) continue;
    Sweep s(f, chosen, usable_threads());
    for (int64_t i = 0; i < (all ? (int64_t{1} << 32) / kBlock : 1); ++i) s.add(block(all, i));
    out.push_back(s.result());
    if (all) std::fprintf(stderr, "%s: %.3f ULP\n", f.name.c_str(), out.back().by_isa[0].second.worst);
  }
  return out;
}

}  // namespace ow::numerics
