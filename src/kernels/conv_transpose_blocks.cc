#include "kernels/conv_transpose_blocks.h"

#include <algorithm>
#include <vector>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/conv_direct.h"
#include "kernels/finish.h"

namespace ow::kernels {
namespace {

int64_t floor_div(int64_t a, int64_t b) { return -ceil_div(-a, b); }

// How many blocks along an axis an input has a part in: each by one tap of every phase.
int64_t reach(const ConvShape& s, int axis) { return s.kernel[axis] / s.stride[axis]; }
// The first block: of output 0, or one before it, so that the convolution's padding is none below 0.
int64_t first_block(const ConvShape& s, int axis) {
  return std::min(floor_div(s.pad[axis], s.stride[axis]), reach(s, axis) - 1);
}

int64_t phases(const ConvShape& s) { return s.stride[0] * s.stride[1] * s.stride[2]; }

// The convolution that makes the image of blocks: block q reads inputs q - reach + 1 to q.
ConvShape block_conv(const ConvShape& s) {
  ConvShape c = s;
  c.method = ConvMethod::kDirect;
  c.out_channels = c.out_ld = phases(s) * s.out_channels;
  for (int i = 0; i < 3; ++i) {
    c.kernel[i] = reach(s, i);
    c.stride[i] = c.dilation[i] = 1;
    c.pad[i] = reach(s, i) - 1 - first_block(s, i);
    c.out[i] = floor_div(s.out[i] - 1 + s.pad[i], s.stride[i]) - first_block(s, i) + 1;
  }
  return c;
}

int64_t image_floats(const ConvShape& blocks) {
  return ceil_div(blocks.batch * blocks.out_pixels() * blocks.out_channels, 16) * 16;
}

// Moves the rows of blocks to rows of outputs.
struct Mover {
  const ConvShape &s, &blocks;
  const float* image;
  float* out;
  const Epilogue& e;  // what of it comes after the sum and the bias, where there is a residual
  const MathTable& math;

  // Output row `row`: of all images, planes and lines.
  void row(int64_t row) const {
    const int64_t h = row % s.out[1], d = row / s.out[1] % s.out[0], b = row / s.out[1] / s.out[0];
    const int64_t at_h = h + s.pad[1] - first_block(s, 1) * s.stride[1],
                  at_d = d + s.pad[0] - first_block(s, 0) * s.stride[0];
    const int64_t line = (b * blocks.out[0] + at_d / s.stride[0]) * blocks.out[1] + at_h / s.stride[1];
    const int64_t phase = (at_d % s.stride[0] * s.stride[1] + at_h % s.stride[1]) * s.stride[2];
    const float* from = image + line * blocks.out[2] * blocks.out_channels + phase * s.out_channels;
    const int64_t pixel = row * s.out[2];
    // Output w is number w + skipped of those that the blocks have.
    const int64_t skipped = s.pad[2] - first_block(s, 2) * s.stride[2];
    from += skipped / s.stride[2] * blocks.out_channels;
    for (int64_t w = 0, p = skipped % s.stride[2]; w < s.out[2]; from += blocks.out_channels, p = 0)
      for (; p < s.stride[2] && w < s.out[2]; ++p, ++w)
        for (int64_t c = 0; c < s.out_channels; ++c)  // too few for a call
          out[(pixel + w) * s.out_ld + c] = from[p * s.out_channels + c];
    if (e.residual) finish_pixels(e, math, pixel, s.out[2], s.out_channels, out + pixel * s.out_ld, s.out_ld);
  }
};

}  // namespace

std::vector<float> repeated_bias(const Epilogue& epilogue, int64_t channels, int64_t times) {
  std::vector<float> bias;
  for (int64_t i = 0; epilogue.bias && i < times; ++i)
    bias.insert(bias.end(), epilogue.bias, epilogue.bias + channels);
  return bias;
}

bool in_blocks(Isa isa, const ConvShape& s) {
  if (s.groups != 1 || s.method == ConvMethod::kInDouble || phases(s) == 1) return false;
  for (int i = 0; i < 3; ++i)
    if (s.kernel[i] % s.stride[i] != 0 || (s.dilation[i] != 1 && s.kernel[i] > 1)) return false;
  const GemmTable& table = gemm_table(isa);
  const auto columns = [&](int64_t n) {  // that a product of n takes the time of
    const int64_t whole = n / table.panel_columns * table.panel_columns;
    return n == whole ? n : whole + table.width(n - whole);
  };
  const int64_t taps = reach(s, 0) * reach(s, 1) * reach(s, 2);
  return 3 * taps * columns(phases(s) * s.out_channels) < 2 * s.taps() * columns(s.out_channels);
}

size_t blocks_packed_floats(Isa isa, const ConvShape& shape) {
  return direct_packed_floats(isa, block_conv(shape));
}

void blocks_pack(Isa isa, const ConvShape& s, const UnalignedFloat* w, float* packed, int threads) {
  const ConvShape c = block_conv(s);
  std::vector<float> weights(static_cast<size_t>(c.out_channels * c.in_channels * c.taps()));
  float* to = weights.data();
  for (int64_t n = 0; n < c.out_channels; ++n) {
    const int64_t channel = n % s.out_channels, phase = n / s.out_channels;
    const int64_t phase_of[3] = {phase / s.stride[2] / s.stride[1], phase / s.stride[2] % s.stride[1],
                                 phase % s.stride[2]};
    for (int64_t in = 0; in < c.in_channels; ++in)
      for (int64_t t = 0; t < c.taps(); ++t) {
        const int64_t of[3] = {t / c.kernel[2] / c.kernel[1], t / c.kernel[2] % c.kernel[1], t % c.kernel[2]};
        int64_t tap = 0;
        for (int i = 0; i < 3; ++i)
          tap = tap * s.kernel[i] + (c.kernel[i] - 1 - of[i]) * s.stride[i] + phase_of[i];
        *to++ = w[(in * s.out_channels + channel) * s.taps() + tap];
      }
  }
  direct_pack(isa, c, weights.data(), packed, threads);
}

size_t blocks_scratch_bytes(const ConvShape& shape) {
  const ConvShape c = block_conv(shape);
  return 4 * static_cast<size_t>(image_floats(c)) + direct_scratch_bytes(c);
}

void conv_transpose_blocks(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                           const Epilogue& epilogue, void* scratch, int threads) {
  const ConvShape c = block_conv(shape);
  const std::vector<float> bias = repeated_bias(epilogue, shape.out_channels, phases(shape));
  Epilogue first;
  if (!epilogue.residual) first = epilogue;
  first.bias = epilogue.bias ? bias.data() : nullptr;
  float* const image = static_cast<float*>(scratch);
  const DirectConv direct(c, packed, in, image + image_floats(c), threads);
  run_gemm(isa, direct.problem(isa, image, first), threads);
  const Mover mover{shape, c, image, out, epilogue, math_table(isa)};
  const int64_t floats = shape.out[2] * shape.out_channels;
  parallel_for(shape.batch * shape.out[0] * shape.out[1], 1 + 16384 / (floats + 1), threads,
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end && !stop_requested(); ++row) mover.row(row);
               });
}

}  // namespace ow::kernels
