// MelWeightMatrix: [dft_length / 2 + 1, num_mel_bins] triangles over the bins of a onesided spectrum. The
// num_mel_bins + 2 corners are equally far apart in mel(f) = 2595 log10(1 + f / 700), from lower_edge_hertz
// on in steps of (mel(upper) - mel(lower)) / (num_mel_bins + 2), as the operator's definition has it, and
// rounded down to bins of (dft_length + 1) f / sample_rate. Column i rises from 0 at corner i to 1 at corner
// i + 1 and falls to 0 at corner i + 2. Computed in double whatever the output type.
#include <cmath>

#include "ops/op/op.h"
#include "tensor/convert.h"

namespace ow {
namespace {

struct Attrs {
  DType output_datatype = DType::kFloat32;
};

Result<Attrs> read(const AttrReader& a) {
  const DType type = a.dtype("output_datatype", DType::kFloat32);
  if (bit_width(type) < 8 || is_complex(type) || type == DType::kString || type == DType::kBool)
    a.fail("output_datatype", cat("is ", type, ", expected a type of numbers"));
  return Attrs{.output_datatype = type};
}

Status infer(const Attrs& a, InferContext& c) {
  const auto scalar = [&](size_t i) {
    const auto* e = c.elements(i);
    return e && e->size() == 1 ? (*e)[0] : Dim::unknown();
  };
  const Dim bins = scalar(0), length = scalar(1);
  if (bins.is_constant() && *bins.constant() < 0)
    return c.error("num_mel_bins is ", bins, ", expected at least 0");
  if (length.is_constant() && *length.constant() < 1)
    return c.error("dft_length is ", length, ", expected at least 1");
  c.set(0, a.output_datatype, SymShape{floor_div(length, 2) + 1, bins});
  return {};
}

Result<int64_t> whole(const RunContext& c, size_t i, const char* name, int64_t least) {
  const auto given = ONWARD_TRY(read_ints(c, i));
  if (given.size() != 1 || given[0] < least)
    return c.error(name, " is ", list_text(given), ", expected one number of at least ", least);
  return given[0];
}

Result<double> hertz(const RunContext& c, size_t i, const char* name) {
  const Tensor& t = c.in(i);
  if (t.count() != 1) return c.error(name, " has shape ", t.shape(), ", expected one element");
  const double value = t.dtype() == DType::kFloat64 ? *t.data<double>() : *t.data<float>();
  if (!(value >= 0) || !std::isfinite(value)) return c.error(name, " is ", value, ", expected a frequency");
  return value;
}

Status run(const Attrs& a, RunContext& c) {
  const int64_t mels = ONWARD_TRY(whole(c, 0, "num_mel_bins", 0)),
                length = ONWARD_TRY(whole(c, 1, "dft_length", 1)),
                rate = ONWARD_TRY(whole(c, 2, "sample_rate", 1)), rows = length / 2 + 1;
  const double lower = ONWARD_TRY(hertz(c, 3, "lower_edge_hertz")),
               upper = ONWARD_TRY(hertz(c, 4, "upper_edge_hertz"));
  if (lower > upper)
    return c.error("lower_edge_hertz is ", lower, ", above upper_edge_hertz, which is ", upper);
  const auto mel = [](double f) { return 2595 * std::log10(1 + f / 700); };
  Tensor exact = ONWARD_TRY(Tensor::allocate(DType::kFloat64, {rows, mels}, c.budget()));
  double* y = exact.mutable_data<double>();
  std::fill(y, y + exact.count(), 0.0);
  const double step = (mel(upper) - mel(lower)) / (static_cast<double>(mels) + 2);
  const auto corner = [&](int64_t i) {
    const double f = 700 * (std::pow(10, (static_cast<double>(i) * step + mel(lower)) / 2595) - 1);
    return std::floor((static_cast<double>(length) + 1) * f / static_cast<double>(rate));
  };
  if (mels > 0 &&
      !(corner(mels) < static_cast<double>(rows) && corner(mels + 1) <= static_cast<double>(rows)))
    return c.error("upper_edge_hertz is ", upper, ", beyond the ", rows,
                   " bins of a onesided spectrum at sample_rate ", rate);
  for (int64_t i = 0; i < mels; ++i) {
    const auto left = static_cast<int64_t>(corner(i)), middle = static_cast<int64_t>(corner(i + 1)),
               right = static_cast<int64_t>(corner(i + 2));
    if (middle >= rows)
      return c.error("upper_edge_hertz is ", upper, ", beyond the spectrum's ", rows, " bins");
    for (int64_t j = left; j <= middle; ++j)
      y[j * mels + i] =
          left == middle ? 1 : static_cast<double>(j - left) / static_cast<double>(middle - left);
    for (int64_t j = middle; j < std::min(right, rows); ++j)
      y[j * mels + i] = static_cast<double>(right - j) / static_cast<double>(right - middle);
  }
  Tensor out = ONWARD_TRY(c.out(0, a.output_datatype, {rows, mels}));
  return convert_into(exact, out);
}

}  // namespace

ONWARD_OPS(mel_weight_matrix) {
  return {op<Attrs>({.name = "MelWeightMatrix",
                     .read = read,
                     .infer = infer,
                     .run = run,
                     .native = types<float, double>,
                     .shape_inputs = 0b11})};
}

}  // namespace ow
