// Along one axis, output o reads input i through tap k where i * stride + k * dilation = o + pad. In the
// phase r = (o + pad) mod stride those are the taps k = k0, k0 + step, .. with k * dilation = r mod stride.
//
// Packed weights: header (64 bytes) | a row of in_channels zeros | per phase (row-major over the axes) and
// group the panels of its taps. A phase without taps has no panels: its outputs are bias and activation
// alone. Where kernel and stride are one along w, all phases of it read the same pixel and their outputs lie
// side by side: then they are one product, as wide as all of them. Few output channels and depthwise
// kernels go other ways (conv_transpose_columns.h, conv_transpose_depthwise.h).
#include "kernels/conv_transpose.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/conv_transpose_columns.h"
#include "kernels/conv_transpose_depthwise.h"
#include "kernels/gemm_core.h"

namespace ow::kernels {
namespace {

int64_t zero_floats(const ConvShape& s) { return (s.in_channels + 15) / 16 * 16; }

// One axis of one phase.
struct PhaseAxis {
  int64_t first_tap = 0, tap_step = 1, taps = 0;
  int64_t first_out = 0, outs = 0;  // outputs first_out, first_out + stride, ..
};

PhaseAxis phase_axis(const ConvShape& s, int axis, int64_t residue) {
  const int64_t stride = s.stride[axis], dilation = s.dilation[axis];
  PhaseAxis p;
  p.tap_step = stride / std::gcd(stride, dilation);
  const int64_t end = std::min(p.tap_step, s.kernel[axis]);
  while (p.first_tap < end && p.first_tap * dilation % stride != residue) ++p.first_tap;
  if (p.first_tap < end) p.taps = (s.kernel[axis] - p.first_tap + p.tap_step - 1) / p.tap_step;
  p.first_out = ((residue - s.pad[axis]) % stride + stride) % stride;
  if (p.first_out < s.out[axis]) p.outs = (s.out[axis] - p.first_out + stride - 1) / stride;
  return p;
}

struct Phase {
  PhaseAxis axis[3];
  int64_t taps() const { return axis[0].taps * axis[1].taps * axis[2].taps; }
  int64_t outs() const { return axis[0].outs * axis[1].outs * axis[2].outs; }
};

int64_t phase_count(const ConvShape& s) { return s.stride[0] * s.stride[1] * s.stride[2]; }

Phase phase_at(const ConvShape& s, int64_t index) {
  return {{phase_axis(s, 0, index / s.stride[2] / s.stride[1]),
           phase_axis(s, 1, index / s.stride[2] % s.stride[1]), phase_axis(s, 2, index % s.stride[2])}};
}

int64_t group_floats(const GemmTable& table, const ConvShape& s, const Phase& phase) {
  return panel_floats(table, phase.taps() * (s.in_channels / s.groups), s.out_channels / s.groups);
}

struct PhaseRows {
  const ConvShape& s;
  const Phase& phase;
  const float* in;
  const float* zeros;
};

// Walks the output pixels of a phase.
struct PhaseWalk {
  const Phase& phase;
  int64_t index[3], image;

  PhaseWalk(const Phase& of, int64_t row) : phase(of) {
    for (int i = 2; i >= 0; --i) {
      index[i] = row % of.axis[i].outs;
      row /= of.axis[i].outs;
    }
    image = row;
  }
  void next() {
    for (int i = 2; i >= 0; --i) {
      if (++index[i] < phase.axis[i].outs) return;
      index[i] = 0;
    }
    ++image;
  }
};

void phase_a_rows(const void* context, int64_t first, int count, int64_t tap, int64_t taps,
                  const float** out) {
  const auto& [s, phase, in, zeros] = *static_cast<const PhaseRows*>(context);
  for (int64_t t = tap; t < tap + taps; ++t, out += kRowStep) {
    int64_t shift[3];  // output `index` of the phase reads input index + shift
    for (int64_t i = 2, rest = t; i >= 0; --i) {
      const PhaseAxis& axis = phase.axis[i];
      const int64_t k = axis.first_tap + rest % axis.taps * axis.tap_step;
      shift[i] = (axis.first_out + s.pad[i] - k * s.dilation[i]) / s.stride[i];  // a multiple
      rest /= axis.taps;
    }
    PhaseWalk walk(phase, first);
    for (int row = 0; row < count; ++row, walk.next()) {
      const int64_t d = walk.index[0] + shift[0], h = walk.index[1] + shift[1], w = walk.index[2] + shift[2];
      const bool inside = d >= 0 && d < s.in[0] && h >= 0 && h < s.in[1] && w >= 0 && w < s.in[2];
      out[row] = inside ? in + (((walk.image * s.in[0] + d) * s.in[1] + h) * s.in[2] + w) * s.in_ld : zeros;
    }
  }
}

void phase_c_rows(const void* context, int64_t first, int count, int64_t* out) {
  const auto& [s, phase, in, zeros] = *static_cast<const PhaseRows*>(context);
  PhaseWalk walk(phase, first);
  for (int row = 0; row < count; ++row, walk.next()) {
    int64_t pixel = walk.image;
    for (int i = 0; i < 3; ++i)
      pixel = pixel * s.out[i] + phase.axis[i].first_out + walk.index[i] * s.stride[i];
    out[row] = pixel;
  }
}

// How many phases along w are one product: their panels follow one another in memory, and so do their
// outputs.
int64_t joined_phases(const GemmTable& table, const ConvShape& s, const Epilogue& e) {
  const bool same_pixel = s.kernel[2] == s.stride[2] && s.dilation[2] == 1 && s.pad[2] == 0;
  const bool adjacent = s.groups == 1 && s.out_channels % table.panel_columns == 0 &&
                        s.out_ld == s.out_channels && (!e.residual || e.residual_ld == s.out_channels) &&
                        s.out[2] % s.stride[2] == 0;
  return same_pixel && adjacent ? s.stride[2] : 1;
}

// The bias of a product whose columns are the output channels, so many times; empty without one.
std::vector<float> repeated_bias(const Epilogue& epilogue, int64_t channels, int64_t times) {
  std::vector<float> bias;
  for (int64_t i = 0; epilogue.bias && i < times; ++i)
    bias.insert(bias.end(), epilogue.bias, epilogue.bias + channels);
  return bias;
}

void pack_phase(const GemmTable& table, const ConvShape& s, const Phase& phase, const UnalignedFloat* w,
                float* panels, int threads) {
  const int64_t taps = s.taps(), k = s.in_channels / s.groups, n = s.out_channels / s.groups;
  const int64_t unit[3] = {s.kernel[1] * s.kernel[2], s.kernel[2], 1};
  TapGrid grid;
  for (int i = 0; i < 3; ++i) {
    w += phase.axis[i].first_tap * unit[i];
    grid.count[i] = phase.axis[i].taps;
    grid.stride[i] = phase.axis[i].tap_step * unit[i];
  }
  for (int64_t g = 0; g < s.groups; ++g) {
    const BSource source = {.b = w + g * k * n * taps,
                            .taps = phase.taps(),
                            .k = k,
                            .n = n,
                            .stride_k = n * taps,
                            .stride_n = taps};
    pack_panels(table, source, &grid, panels + g * group_floats(table, s, phase), threads);
  }
}

}  // namespace

size_t conv_transpose_packed_bytes(const ConvShape& shape) {
  const Isa isa = best_isa();
  if (in_columns(isa, shape)) return 64 + 4 * columns_packed_floats(isa, shape);
  if (transposes_depthwise(shape)) return 64 + 4 * transposed_depthwise_floats(shape);
  const GemmTable& table = gemm_table(isa);
  int64_t floats = zero_floats(shape);
  for (int64_t i = 0; i < phase_count(shape); ++i)
    floats += shape.groups * group_floats(table, shape, phase_at(shape, i));
  return 64 + 4 * static_cast<size_t>(floats);
}

void conv_transpose_pack(const ConvShape& shape, const UnalignedFloat* w, void* packed, int threads) {
  const Isa isa = best_isa();
  const GemmTable& table = gemm_table(isa);
  *static_cast<PackedHeader*>(packed) = {isa};
  float* data = packed_data(packed);
  if (in_columns(isa, shape)) return columns_pack(isa, shape, w, data, threads);
  if (transposes_depthwise(shape)) return pack_transposed_depthwise(shape, w, data);
  for (int64_t i = 0; i < zero_floats(shape); ++i) *data++ = 0;
  for (int64_t i = 0; i < phase_count(shape); ++i) {
    const Phase phase = phase_at(shape, i);
    if (phase.taps() > 0) pack_phase(table, shape, phase, w, data, threads);
    data += shape.groups * group_floats(table, shape, phase);
  }
}

size_t conv_transpose_scratch_bytes(const ConvShape& shape, int threads) {
  return in_columns(best_isa(), shape) ? columns_scratch_bytes(shape, threads) : 0;
}

void conv_transpose(const ConvShape& shape, const void* packed, const float* in, float* out,
                    const Epilogue& epilogue, void* scratch, int threads) {
  const Isa isa = packed_isa(packed);
  if (in_columns(isa, shape))
    return conv_transpose_columns(isa, shape, packed_data(packed), in, out, epilogue, scratch, threads);
  if (transposes_depthwise(shape))
    return conv_transpose_depthwise(isa, shape, packed_data(packed), in, out, epilogue, threads);
  const GemmTable& table = gemm_table(isa);
  const float* zeros = packed_data(packed);
  const float* panels = zeros + zero_floats(shape);
  const int64_t joined = joined_phases(table, shape, epilogue);
  Epilogue e = epilogue;
  std::vector<float> bias;
  if (joined > 1 && e.bias) {
    bias = repeated_bias(epilogue, shape.out_channels, joined);
    e.bias = bias.data();
  }
  for (int64_t i = 0; i < phase_count(shape); i += joined) {
    const Phase phase = phase_at(shape, i);
    const int64_t floats = group_floats(table, shape, phase);
    const PhaseRows rows{shape, phase, in, zeros};
    const GemmProblem problem = {.m = shape.batch * phase.outs(),
                                 .n = joined * shape.out_channels / shape.groups,
                                 .k = shape.in_channels / shape.groups,
                                 .taps = phase.taps(),
                                 .rows = {phase_a_rows, phase_c_rows, &rows},
                                 .panels = panels,
                                 .c = out,
                                 .ldc = shape.out_ld,
                                 .epilogue = e,
                                 .groups = shape.groups,
                                 .group_panel_floats = floats,
                                 .in_double = shape.method == ConvMethod::kInDouble};
    run_gemm(isa, problem, threads);
    panels += joined * shape.groups * floats;
  }
}

}  // namespace ow::kernels
