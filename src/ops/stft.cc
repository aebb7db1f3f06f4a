// STFT: frames of `frame_length` samples, `frame_step` apart, times `window`, each through the discrete
// Fourier transform (in double). signal: [batch, samples, 1 or 2] (real or complex; [batch, samples] is taken
// as real); output: [batch, frames, frame_length / 2 + 1 (onesided) or frame_length, 2]. Only whole frames
// count: frames = 1 + (samples - frame_length) / frame_step. Without frame_length, the window's length is
// taken.
#include "ops/op/fft.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  bool onesided = true;
};

Result<Attrs> read(const AttrReader& a) { return Attrs{.onesided = a.flag("onesided", true)}; }

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (x && x->size() != 2 && x->size() != 3) return c.error("signal has rank ", x->size(), ", expected 3");
  if (x && x->size() == 3 && x->back().is_constant() && !x->back().is(1) && !x->back().is(2))
    return c.error("signal is ", list_text(*x), ", expected 1 (real) or 2 (complex) in the last axis");
  if (x && x->size() == 3 && x->back().is(2) && a.onesided)
    return c.error("signal is complex, which has no onesided transform; expected onesided = 0");
  const auto scalar = [&](size_t i) {
    const auto* e = c.elements(i);
    return e && e->size() == 1 ? (*e)[0] : Dim::unknown();
  };
  Dim length = x ? (*x)[1] : Dim::unknown();
  if (c.has(3))
    length = scalar(3);
  else if (c.has(2))
    length = c.shape(2) && c.shape(2)->size() == 1 ? (*c.shape(2))[0] : Dim::unknown();
  const Dim step = scalar(1);
  if (step.is_constant() && *step.constant() < 1)
    return c.error("frame_step is ", step, ", expected at least 1");
  if (length.is_constant() && *length.constant() < 1)
    return c.error("frame_length is ", length, ", expected at least 1");
  const Dim frames = x && step.is_constant() ? floor_div((*x)[1] - length, step) + 1 : Dim::unknown();
  if (frames.is_constant() && *frames.constant() < 1)
    return c.error("frame_length is ", length, ", more than the ", (*x)[1], " samples of the signal");
  c.set(0, c.dtype(0),
        SymShape{x ? (*x)[0] : Dim::unknown(), frames, a.onesided ? floor_div(length, 2) + 1 : length, 2});
  return {};
}

struct Layout {
  int64_t batch, samples, parts, step, length, frames, bins;
};

Result<int64_t> scalar(const RunContext& c, size_t i, const char* name) {
  const auto given = ONWARD_TRY(read_ints(c, i));
  if (given.size() != 1 || given[0] < 1)
    return c.error(name, " is ", list_text(given), ", expected one number of at least 1");
  return given[0];
}

Result<Layout> layout(const Attrs& a, const RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 2 && x.rank() != 3) return c.error("signal has shape ", x.shape(), ", expected rank 3");
  Layout l{.batch = x.dim(0), .samples = x.dim(1), .parts = x.rank() == 3 ? x.dim(2) : 1};
  if (l.parts != 1 && l.parts != 2)
    return c.error("signal has shape ", x.shape(), ", expected 1 (real) or 2 (complex) in the last axis");
  if (l.parts == 2 && a.onesided)
    return c.error("signal is complex, which has no onesided transform; expected onesided = 0");
  l.step = ONWARD_TRY(scalar(c, 1, "frame_step"));
  if (c.has(2) && c.in(2).rank() != 1)
    return c.error("window has shape ", c.in(2).shape(), ", expected rank 1");
  l.length = c.has(3) ? ONWARD_TRY(scalar(c, 3, "frame_length")) : c.has(2) ? c.in(2).dim(0) : l.samples;
  if (c.has(2) && c.in(2).dim(0) != l.length)
    return c.error("window has ", c.in(2).dim(0), " elements, expected frame_length, which is ", l.length);
  if (l.length < 1 || l.length > l.samples)
    return c.error("frame_length is ", l.length, ", expected 1 to the ", l.samples, " samples of the signal");
  l.frames = 1 + (l.samples - l.length) / l.step;
  l.bins = a.onesided ? l.length / 2 + 1 : l.length;
  return l;
}

template <class T>
Status transform(RunContext& c, const Layout& l, Tensor& y) {
  const Fft fft = ONWARD_TRY(Fft::create(l.length, c.budget()));
  const int64_t lines = l.batch * l.frames, workers = std::min<int64_t>(c.threads(), lines);
  const int64_t work = l.length + fft.work_length();
  auto scratch = ONWARD_TRY(c.scratch_of<Fft::Complex>(workers * work));
  const T *x = c.in(0).data<T>(), *window = c.has(2) ? c.in(2).data<T>() : nullptr;
  T* out = y.mutable_data<T>();
  c.parallel_for(workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w) {
      Fft::Complex* line = scratch.data() + w * work;
      for (int64_t i = lines * w / workers; i < lines * (w + 1) / workers; ++i) {
        if (c.budget() && c.budget()->stopped()) return;
        const T* from = x + (i / l.frames * l.samples + i % l.frames * l.step) * l.parts;
        for (int64_t k = 0; k < l.length; ++k) {
          const double weight = window ? static_cast<double>(window[k]) : 1.0;
          line[k] = {weight * from[k * l.parts], l.parts == 2 ? weight * from[k * l.parts + 1] : 0.0};
        }
        fft.run(line, line + l.length, false);
        for (int64_t k = 0; k < l.bins; ++k) {
          out[(i * l.bins + k) * 2] = static_cast<T>(line[k].real());
          out[(i * l.bins + k) * 2 + 1] = static_cast<T>(line[k].imag());
        }
      }
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

Status run(const Attrs& a, RunContext& c) {
  const Layout l = ONWARD_TRY(layout(a, c));
  Tensor y = ONWARD_TRY(c.out(0, c.in(0).dtype(), {l.batch, l.frames, l.bins, 2}));
  if (y.count() == 0) return {};
  return y.dtype() == DType::kFloat64 ? transform<double>(c, l, y) : transform<float>(c, l, y);
}

}  // namespace

ONWARD_OPS(stft) {
  return {op<Attrs>({.name = "STFT",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>,
                     .shape_inputs = 0b1010})};
}

}  // namespace ow
