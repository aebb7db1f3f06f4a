// Per-channel statistics and the affine map that follows them: the shared part of batch, instance and group
// normalization. Means and variances do not depend on the number of threads.
#pragma once
#include "ops/op/fused.h"
#include "ops/op/image.h"

namespace ow {

struct Moments {
  double mean = 0, variance = 0;
};

// moments[n * channels + ch] over the pixels of each (n, ch). `t`, [N, C, ...], is float or double.
Result<std::vector<Moments>> channel_moments(RunContext& c, const Tensor& t);

// Of `count` sets of as many numbers each, from those of each set, `step` apart.
Moments joined(const Moments* each, int64_t count, int64_t step);

// y = activation((x - mean) * scale + bias) with one coefficient triple per (n, ch), or per ch where
// `per_image` is false. Of double there is no activation.
struct Affine {
  double mean, scale, bias;
};
void apply_affine(const RunContext& c, const Tensor& x, const Planes& px, Tensor& y, const Planes& py,
                  const std::vector<Affine>& coefficients, bool per_image,
                  const FusedActivation& activation = {});

// The same for one line of n neighbours, in the calling thread.
void apply_affine(const float* x, float* y, int64_t n, const Affine& a, const FusedActivation& activation);

// The elements of a float or double tensor as double.
std::vector<double> as_doubles(const Tensor& t);

}  // namespace ow
