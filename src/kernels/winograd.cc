// A block of tiles goes through the method at once: its pixels are transformed into n^2 matrices
// [tiles][channels], these are multiplied by the packed weights a panel of output channels at a time, and the
// panel's products are transformed back. Where blocks are many, each thread does whole blocks; where they are
// few, all pixels are transformed first and threads share out the panels.
#include "kernels/winograd.h"

#include <algorithm>

#include "base/parallel_tasks.h"
#include "base/stop.h"
#include "build_parts.h"
#include "kernels/ceil_div.h"
#include "kernels/conv_direct.h"
#include "kernels/gemm_core.h"
#include "kernels/math_table.h"
#include "kernels/winograd_table.h"
#include "kernels/winograd_weights.h"

namespace ow::kernels {
namespace {

// Of transformed pixels: less where the weights stay in the cache beside them.
constexpr int64_t kBlockBytes = 512 * 1024, kBlockBytesBesideWeights = 128 * 1024, kCachedWeights = 1 << 20;
constexpr int kMaxBlockTiles = 4 * kMaxTileRows;

int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Rows of a block at multiples of 1 KiB, or matrices at multiples of 4 KiB, would share few sets of a cache.
int64_t apart(int64_t floats, int64_t unit) { return floats % unit == 0 ? floats + 16 : floats; }

class Winograd {
 public:
  Winograd(Isa isa, const ConvShape& s, WinogradForm form, int threads)
      : table_(gemm_table(isa)),
        transforms_(winograd_transforms(isa, s, form)),
        math_(math_table(isa)),
        s_(s),
        weights_(isa, s, form),
        at_use_(form.at_use),
        m_(form.m),
        points_(winograd_line(s, form.m).products),
        weights_of_line_(winograd_line(s, form.m).weights),
        products_(points_ * points_),
        tiles_h_(winograd_tiles(s, 1, form.m)),
        tiles_w_(winograd_tiles(s, 2, form.m)),
        tiles_(s.batch * s.out[0] * tiles_h_ * tiles_w_),
        panels_(ceil_div(s.out_channels, table_.panel_columns)),
        depth_(s.kernel[0] * s.in_channels),
        shares_planes_(s.kernel[0] > 1 && s.dilation[0] == 1),
        column_gap_((s.kernel[0] - 1) * s.in_channels + 16),
        row_floats_(apart(round_up(depth_ - s.in_channels + round_up(s.in_channels, 16), 16), 256)),
        lanes_(lanes_of(threads)) {
    const int64_t row_floats = shares_planes_ ? s.in_channels + ceil_div(column_gap_, s.out[0]) : row_floats_;
    const int64_t block_bytes =
        4 * weights_.packed_floats() <= kCachedWeights ? kBlockBytesBesideWeights : kBlockBytes;
    const int64_t fitting = block_bytes / (products_ * row_floats * 4) / table_.max_rows * table_.max_rows;
    const int64_t largest =
        (at_use_ ? kWinogradTilesAtUse : kMaxBlockTiles) / table_.max_rows * table_.max_rows;
    cut(at_use_ ? largest : std::clamp<int64_t>(fitting, table_.max_rows, largest));
    result_step_ = apart(block_ * table_.panel_columns, 1024);
  }

  int64_t packed_floats() const { return zero_floats() + weights_.packed_floats(); }

  size_t scratch_bytes() const {
    const int64_t images = whole_first_ ? 1 : lanes_;
    const int64_t rows = whole_first_ ? tiles_ : block_;
    return 4 * static_cast<size_t>(images * products_ * pixel_step(rows) + lanes_ * lane_floats());
  }

  void pack(const UnalignedFloat* w, float* packed, int threads) const {
    std::fill(packed, packed + zero_floats(), 0.0f);
    weights_.pack(w, packed + zero_floats(), threads);
  }
  void run(const float* packed, const float* in, float* out, const Epilogue& e, float* scratch, int threads);

 private:
  static constexpr int kMaxProducts = kMaxWinogradPoints * kMaxWinogradPoints, kMaxPanelColumns = 32;

  // In front of the packed weights.
  int64_t zero_floats() const { return at_use_ ? direct_zero_floats(s_) : round_up(s_.in_channels, 16); }
  // A convolution below some flops costs more to share out than it saves.
  int lanes_of(int threads) const {
    constexpr double kParallelFlops = 1e6;
    const double flops =
        2.0 * static_cast<double>(tiles_ * products_) * static_cast<double>(depth_ * s_.out_channels);
    return flops < kParallelFlops ? 1 : std::max(1, threads > 0 ? threads : usable_threads());
  }
  // Cuts the tiles into blocks of at most `most`, evenly for the lanes. Times in those of a tile and all
  // panels: a task reads the weights too, and where all pixels are transformed first, threads read each
  // other's.
  void cut(int64_t most) {
    const double read_pixels = at_use_ ? 45 : 5;
    const double read_weights = at_use_ ? 4 : 2;
    const int64_t least = std::max<int64_t>(ceil_div(tiles_, most), 1);
    const auto number = [](int64_t n) { return static_cast<double>(n); };
    const auto time = [&](int64_t blocks, bool whole_first) {
      const int64_t shares = whole_first ? panels_ : 1;
      return number(ceil_div(blocks * shares, lanes_)) / number(shares) *
                 (number(ceil_div(tiles_, blocks)) + read_weights) +
             (whole_first ? number(tiles_) * read_pixels / number(s_.out_channels) : 0);
    };
    blocks_ = least;
    whole_first_ = false;
    for (int64_t blocks = least; lanes_ > 1 && blocks <= std::min(least + 2 * lanes_, tiles_); ++blocks)
      for (bool whole_first : {false, true})
        if (time(blocks, whole_first) < time(blocks_, whole_first_))
          blocks_ = blocks, whole_first_ = whole_first;
    block_ = std::max<int64_t>(ceil_div(tiles_, blocks_), 1);
    blocks_ = ceil_div(tiles_, block_);
  }
  // Which of the packed matrices a product takes.
  int64_t weights_of(int64_t product) const {
    const int64_t i = product / points_, j = product % points_, last = weights_of_line_ - 1;
    return std::min(i, last) * weights_of_line_ + std::min(j, last);
  }
  // Of a thread's results, and of what it makes of weights.
  int64_t lane_floats() const { return products_ * result_step_ + round_up(weights_.scratch_floats(), 16); }
  // Where the transformed row of a tile begins, counted from tile 0's. Tiles of one place in successive
  // planes share the planes that they have in common: their rows overlap.
  int64_t row_at(int64_t tile) const {
    return shares_planes_ ? tile * s_.in_channels + tile / s_.out[0] * column_gap_ : tile * row_floats_;
  }
  // Floats of one product's rows of so many tiles, from any tile on.
  int64_t pixel_step(int64_t tiles) const {
    const int64_t gaps = shares_planes_ ? 2 * column_gap_ : 0;
    return apart(round_up(row_at(tiles) + gaps, 16), 1024);
  }

  // Tile number -> image, plane, and its first output row and column there. With dilation the rows (columns)
  // of a tile are that far apart, and the tiles of each phase are counted together.
  struct Place {
    int64_t batch, d, h, w;
  };
  Place place(int64_t tile) const {
    if (shares_planes_) {  // planes are counted first
      const int64_t area = tiles_h_ * tiles_w_, column = tile / s_.out[0], d = tile % s_.out[0];
      tile = (column / area * s_.out[0] + d) * area + column % area;
    }
    const int64_t line = tile / tiles_w_, plane = line / tiles_h_, h = line % tiles_h_, w = tile % tiles_w_;
    const int64_t dh = s_.dilation[1], dw = s_.dilation[2];
    return {plane / s_.out[0], plane % s_.out[0], h % dh + h / dh * m_ * dh, w % dw + w / dw * m_ * dw};
  }

  // What is read next, to be fetched during a block's products: lines of the image that the next block of
  // tiles reads, or, before that, what the next weights are made of.
  struct Lines {
    static constexpr int kMost = kMaxWinogradTaps * kMaxWinogradTaps;
    int count = 0;
    const float* at[kMost];
    int64_t floats[kMost];
  };
  Lines lines_of(int64_t first, int64_t tiles) const;

  void transform_pixels(int64_t begin, int64_t end, float* to, int64_t step) const;
  void transform_plane(int64_t plane, int64_t h0, int64_t w0, float* to, int64_t step) const;
  void multiply(int64_t first, int64_t tiles, int64_t panel, const float* pixels, int64_t step,
                const Lines& next, float* results) const;
  void multiply_piece(int64_t first, int64_t tiles, int64_t panel, const float* pixels, int64_t step,
                      const Lines& next, int64_t k, float* results) const;
  void transform_results(int64_t first, int64_t tiles, int64_t panel, const float* results) const;

  const GemmTable& table_;
  const WinogradTransforms& transforms_;
  const MathTable& math_;
  const ConvShape& s_;
  const WinogradWeights weights_;
  const bool at_use_;
  // depth_: what is summed over, the planes of the kernel times the channels.
  const int64_t m_, points_, weights_of_line_, products_, tiles_h_, tiles_w_, tiles_, panels_, depth_;
  const bool shares_planes_;
  const int64_t column_gap_, row_floats_;
  const int lanes_;
  int64_t block_, blocks_, result_step_;  // tiles of a block
  bool whole_first_;                      // all pixels are transformed before the first product
  // Of the run:
  const float *zeros_ = nullptr, *packed_ = nullptr, *in_ = nullptr;
  float* out_ = nullptr;
  const Epilogue* e_ = nullptr;
};

// Tiles [begin, end), the first one's row at `to`. What a plane writes past its channels, the next one writes
// over.
void Winograd::transform_pixels(int64_t begin, int64_t end, float* to, int64_t step) const {
  for (int64_t tile = begin; tile < end;) {
    const Place at = place(tile);
    const int64_t together = shares_planes_ ? std::min(end - tile, s_.out[0] - at.d) : 1;
    for (int64_t i = 0; i < together + s_.kernel[0] - 1; ++i) {
      const int64_t d = at.d + i * s_.dilation[0] - s_.pad[0];
      const bool inside = d >= 0 && d < s_.in[0];
      float* const row = to + row_at(tile) - row_at(begin) + i * s_.in_channels;
      transform_plane(inside ? at.batch * s_.in[0] + d : -1, at.h, at.w, row, step);
    }
    tile += together;
  }
}

// The tile at (h0, w0) of an image's plane; -1: one of zeros.
void Winograd::transform_plane(int64_t plane, int64_t h0, int64_t w0, float* to, int64_t step) const {
  const float* pixels[kMaxProducts];
  const int64_t n = points_;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t h = h0 * s_.stride[1] + i * s_.dilation[1] - s_.pad[1];
    const float* line = in_ + (plane * s_.in[1] + h) * s_.in[2] * s_.in_ld;
    for (int64_t j = 0; j < n; ++j) {
      const int64_t w = w0 * s_.stride[2] + j * s_.dilation[2] - s_.pad[2];
      const bool inside = plane >= 0 && h >= 0 && h < s_.in[1] && w >= 0 && w < s_.in[2];
      pixels[i * n + j] = inside ? line + w * s_.in_ld : zeros_;
    }
  }
  transforms_.input({pixels, s_.in_channels, to, step});
}

// None where the tiles lie in more than two lines: such an image is small.
Winograd::Lines Winograd::lines_of(int64_t first, int64_t tiles) const {
  Lines lines;
  if (shares_planes_ || s_.dilation[1] != 1 || s_.dilation[2] != 1) return lines;
  const int64_t end = std::min(first + tiles, tiles_), shared = points_ - m_ * s_.stride[2];
  for (int64_t tile = first; tile < end;) {
    const int64_t row_end = std::min(end, (tile / tiles_w_ + 1) * tiles_w_);
    if (lines.count + points_ > 2 * kMaxWinogradPoints) return {};
    const Place at = place(tile);
    const int64_t w = at.w * s_.stride[2] - s_.pad[2], d = at.d - s_.pad[0];
    const int64_t begin_w = std::max<int64_t>(w, 0),
                  end_w = std::min(w + (row_end - tile) * m_ * s_.stride[2] + shared, s_.in[2]);
    for (int64_t i = 0; i < points_; ++i) {
      const int64_t h = at.h * s_.stride[1] - s_.pad[1] + i;
      if (h < 0 || h >= s_.in[1] || d < 0 || d >= s_.in[0] || begin_w >= end_w) continue;
      const int64_t line = ((at.batch * s_.in[0] + d) * s_.in[1] + h) * s_.in[2];
      lines.at[lines.count] = in_ + (line + begin_w) * s_.in_ld;
      lines.floats[lines.count++] = (end_w - begin_w) * s_.in_ld;
    }
    tile = row_end;
  }
  return lines;
}

// results[i] [tiles][columns of the panel] = pixels[i] [tiles][channels] * weights[i].
void Winograd::multiply(int64_t first, int64_t tiles, int64_t panel, const float* pixels, int64_t step,
                        const Lines& next, float* results) const {
  for (int64_t k = 0; k < depth_; k += weights_.piece())
    multiply_piece(first, tiles, panel, pixels, step, next, k, results);
}

// The part of the sum that begins at k.
void Winograd::multiply_piece(int64_t first, int64_t tiles, int64_t panel, const float* pixels, int64_t step,
                              const Lines& next, int64_t k, float* results) const {
  const int64_t width = table_.width(s_.out_channels - panel * table_.panel_columns);
  const int64_t parts = ceil_div(tiles, table_.max_rows), piece = std::min(weights_.piece(), depth_ - k);
  const int64_t fetches = round_up(piece, kFetchChunk);  // terms that something is fetched with, of a part
  const auto made = weights_.block(packed_, panel, k, piece, results + products_ * result_step_);
  Lines weights;
  for (; weights.count < made.next_count; ++weights.count) {
    weights.at[weights.count] = made.next + weights.count * made.next_step;
    weights.floats[weights.count] = made.next_floats;
  }
  // Each product fetches its share of a line: of the weights in this piece, of the image in all of them.
  const Lines& lines = weights.count > 0 ? weights : next;
  const int64_t pieces = weights.count > 0 ? 1 : panels_ * ceil_div(depth_, weights_.piece()),
                all = pieces * products_,
                done =
                    weights.count > 0 ? 0 : panel * ceil_div(depth_, weights_.piece()) + k / weights_.piece();
  const float* ahead = nullptr;
  int64_t ahead_step = 0;
  for (int64_t i = 0; i < products_; ++i) {
    if (lines.count > 0) {
      const int64_t at = done * products_ + i, line = at * lines.count / all,
                    begin = ceil_div(line * all, lines.count), end = ceil_div((line + 1) * all, lines.count);
      ahead = lines.at[line] + lines.floats[line] * (at - begin) / (end - begin);
      ahead_step = ceil_div(lines.floats[line], (end - begin) * parts * fetches);
    }
    const auto rows_of = [&](int64_t part) { return tiles / parts + (part < tiles % parts ? 1 : 0); };
    const auto point = [&](int64_t product, int64_t row, int64_t rows, const float** to) {
      for (int64_t r = 0; r < rows; ++r, ++row)
        to[r] = pixels + product * step + row_at(first + row) - row_at(first) + k;
    };
    for (int64_t part = 0, row = 0; part < parts; ++part) {
      const int64_t rows = rows_of(part);
      const float *a[kMaxTileRows], *following[kMaxTileRows];
      float* c[kMaxTileRows];
      point(i, row, rows, a);
      for (int64_t r = 0; r < rows; ++r) c[r] = results + i * result_step_ + (row + r) * width;
      row += rows;
      int64_t next_count = 0;
      if (at_use_ && (part + 1 < parts || i + 1 < products_)) {
        next_count = rows_of(part + 1 < parts ? part + 1 : 0);
        point(part + 1 < parts ? i : i + 1, part + 1 < parts ? row : 0, next_count, following);
      }
      table_.kernel(rows, width)({.a = a,
                                  .taps = 1,
                                  .k = piece,
                                  .tap = &kOneTap,
                                  .panel = made.at + weights_of(i) * made.step,
                                  .panel_stride = 0,
                                  .groups = 1,
                                  .n = width,
                                  .c = c,
                                  .first = k == 0,
                                  .fetch_c = at_use_,
                                  .ahead = ahead,
                                  .ahead_step = ahead_step,
                                  .ahead_panels = ahead_step > 0,
                                  .next = following,
                                  .next_count = next_count});
      ahead += ahead_step * fetches;
    }
  }
}

void Winograd::transform_results(int64_t first, int64_t tiles, int64_t panel, const float* results) const {
  const int64_t column = panel * table_.panel_columns;
  const int64_t columns = std::min<int64_t>(s_.out_channels - column, table_.panel_columns);
  const int64_t width = table_.width(columns);
  const bool late = e_->residual && e_->residual_after_activation;
  const Bounds bounds(*e_);
  for (int64_t t = 0; t < tiles; ++t) {
    const Place at = place(first + t);
    float* out[kMaxWinogradOutputs * kMaxWinogradOutputs];
    const float* residual[kMaxWinogradOutputs * kMaxWinogradOutputs];
    for (int64_t i = 0; i < m_ * m_; ++i) {
      const int64_t h = at.h + i / m_ * s_.dilation[1], w = at.w + i % m_ * s_.dilation[2];
      const int64_t pixel = ((at.batch * s_.out[0] + at.d) * s_.out[1] + h) * s_.out[2] + w;
      const bool inside = h < s_.out[1] && w < s_.out[2];
      out[i] = inside ? out_ + pixel * s_.out_ld + column : nullptr;
      if (e_->residual) residual[i] = inside ? e_->residual + pixel * e_->residual_ld + column : nullptr;
    }
    transforms_.output({results + t * width, result_step_, columns, e_->bias ? e_->bias + column : nullptr,
                        e_->residual && !late ? residual : nullptr, out, bounds.low, bounds.high});
    for (int64_t i = 0; (bounds.activation_left || late) && i < m_ * m_; ++i) {
      if (!out[i]) continue;
      if (bounds.activation_left)
        math_.activate(e_->activation, e_->alpha, e_->beta, out[i], out[i], columns);
      for (int64_t j = 0; late && j < columns; ++j) out[i][j] += residual[i][j];
    }
  }
}

void Winograd::run(const float* packed, const float* in, float* out, const Epilogue& e, float* scratch,
                   int threads) {
  zeros_ = packed, packed_ = packed + zero_floats();
  in_ = in, out_ = out, e_ = &e;
  float* const results = scratch;
  float* const pixels = scratch + lanes_ * lane_floats();
  if (whole_first_) {
    const int64_t step = pixel_step(tiles_);
    const int64_t together = shares_planes_ ? s_.out[0] : 1;  // a row's planes are made once
    parallel_for(tiles_ / together, 1, threads, [&](int64_t begin, int64_t end) {
      transform_pixels(begin * together, end * together, pixels + row_at(begin * together), step);
    });
    parallel_tasks(blocks_ * panels_, lanes_, [&](int64_t lane, int64_t i) {
      if (stop_requested()) return;
      const int64_t first = i % blocks_ * block_, tiles = std::min(block_, tiles_ - first),
                    panel = i / blocks_;
      float* const mine = results + lane * lane_floats();
      multiply(first, tiles, panel, pixels + row_at(first), step, {}, mine);
      transform_results(first, tiles, panel, mine);
    });
    return;
  }
  const int64_t step = pixel_step(block_);
  parallel_tasks(blocks_, lanes_, [&](int64_t lane, int64_t i) {
    if (stop_requested()) return;
    const int64_t first = i * block_, tiles = std::min(block_, tiles_ - first);
    float* const block = pixels + lane * products_ * step;
    float* const mine = results + lane * lane_floats();
    transform_pixels(first, first + tiles, block, step);
    const Lines next = lines_of(first + tiles, block_);
    for (int64_t panel = 0; panel < panels_; ++panel) {
      multiply(first, tiles, panel, block, step, next, mine);
      transform_results(first, tiles, panel, mine);
    }
  });
}

}  // namespace

bool winograd_applies(const ConvShape& s, int m) {
  if (s.groups != 1 || s.stride[0] != 1) return false;
  const bool strided = m == kStrideTwoOutputs;
  const int64_t r = s.kernel[1];
  for (int i = 1; i < 3; ++i)
    if (s.kernel[i] != r || s.stride[i] != (strided ? 2 : 1) || (strided && s.dilation[i] != 1)) return false;
  if (strided) return r == 3;
  constexpr int64_t kMaxTaps = build::kWideWinograd ? kMaxWinogradTaps : 3;
  return r >= 3 && r <= kMaxTaps && r % 2 == 1 && m + r - 1 <= kMaxWinogradPoints;
}

WinogradLine winograd_line(const ConvShape& s, int m) {
  if (m == kStrideTwoOutputs) return {kStrideTwoPoints, kStrideTwoWeights};
  const int64_t points = m + s.kernel[1] - 1;
  return {points, points};
}

int64_t winograd_tiles(const ConvShape& s, int axis, int m) {
  const int64_t d = s.dilation[axis];
  return d * ceil_div(ceil_div(s.out[axis], d), m);
}

int64_t winograd_packed_floats(Isa isa, const ConvShape& shape, WinogradForm form) {
  return Winograd(isa, shape, form, 1).packed_floats();
}

void winograd_pack(Isa isa, const ConvShape& shape, WinogradForm form, const UnalignedFloat* w, float* packed,
                   int threads) {
  Winograd(isa, shape, form, 1).pack(w, packed, threads);
}

size_t winograd_scratch_bytes(Isa isa, const ConvShape& shape, WinogradForm form, int threads) {
  return Winograd(isa, shape, form, threads).scratch_bytes();
}

void winograd_conv(Isa isa, const ConvShape& shape, WinogradForm form, const float* packed, const float* in,
                   float* out, const Epilogue& epilogue, void* scratch, int threads) {
  Winograd(isa, shape, form, threads).run(packed, in, out, epilogue, static_cast<float*>(scratch), threads);
}

}  // namespace ow::kernels
