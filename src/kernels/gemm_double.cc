// The products of gemm_core.h with sums in double that are rounded once (BSource::in_double).
//
// A task is some row tiles times some panels, whose sums it keeps: over one block of the sum the panels stay
// in the second-level cache while the tiles take turns. A tile's rows are widened once a block. The sums of
// an element are added up one after the other in the order of (tap, k), so how the work is cut is not seen.
#include <algorithm>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/gemm_core.h"
#include "kernels/gemm_double_table.h"
#include "kernels/math_table.h"

namespace ow::kernels {
namespace {

constexpr int64_t kTaskTiles = 8, kTaskPanels = 4;
constexpr int64_t kBlock = 256;  // (tap, k) pairs
constexpr int64_t kBlockTaps = 64;
constexpr int64_t kThreadTasks = 4;      // at least, of a product that is shared
constexpr double kParallelWork = 200e3;  // multiply-adds; less is not worth a parallel region
constexpr int64_t kTileSums = kMaxSumRows * kTaskPanels * kSumColumns;

class DoubleDriver {
 public:
  DoubleDriver(Isa isa, const GemmProblem& p)
      : p_(p),
        gemm_(gemm_table(isa)),
        table_(gemm_double_table(isa)),
        math_(math_table(isa)),
        bounds_(p.epilogue),
        tiles_(ceil_div(p.m, int64_t{kMaxSumRows})),
        panels_(ceil_div(p.n, gemm_.panel_columns)) {}

  void run(int threads) const {
    if (threads <= 0) threads = usable_threads();
    const auto number = [](int64_t n) { return static_cast<double>(n); };
    const double work =
        number(p_.m) * number(p_.n) * number(p_.groups) * number(std::max<int64_t>(p_.k * p_.taps, 1));
    if (work < kParallelWork) threads = 1;
    const int64_t columns = ceil_div(panels_, kTaskPanels);
    const int64_t most = ceil_div(tiles_ * columns * p_.groups, kThreadTasks * threads);
    const int64_t rows = ceil_div(tiles_, std::min(kTaskTiles, most));
    parallel_for(p_.groups * columns * rows, 1, threads, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end && !stop_requested(); ++i) {
        const int64_t row = i % rows, column = i / rows % columns;
        run_task({i / rows / columns, tiles_ * row / rows, tiles_ * (row + 1) / rows,
                  panels_ * column / columns, panels_ * (column + 1) / columns});
      }
    });
  }

 private:
  struct Task {
    int64_t group, tile_begin, tile_end, panel_begin, panel_end;
  };

  int64_t first_row(int64_t tile) const { return p_.m * tile / tiles_; }
  int rows_of(int64_t tile) const { return static_cast<int>(first_row(tile + 1) - first_row(tile)); }

  void run_task(const Task& task) const {
    alignas(64) double sums[kTaskTiles * kTileSums];
    const int64_t tiles = task.tile_end - task.tile_begin;
    std::fill_n(sums, tiles * kTileSums, 0.0);
    const int64_t k = std::min(p_.k, kBlock),
                  taps = std::clamp<int64_t>(kBlock / std::max<int64_t>(k, 1), 1, kBlockTaps);
    for (int64_t tap = 0; p_.k > 0 && tap < p_.taps; tap += taps)
      for (int64_t k0 = 0; k0 < p_.k; k0 += k) {
        if (stop_requested()) return;
        const Block block = {tap, std::min(taps, p_.taps - tap), k0, std::min(k, p_.k - k0)};
        for (int64_t t = 0; t < tiles; ++t) add(task, task.tile_begin + t, block, sums + t * kTileSums);
      }
    for (int64_t t = 0; t < tiles; ++t) finish(task, task.tile_begin + t, sums + t * kTileSums);
  }

  // Of the sum: either whole taps, or a piece of one.
  struct Block {
    int64_t tap, taps, k0, k;
  };

  void add(const Task& task, int64_t tile, const Block& block, double* sums) const {
    const int rows = rows_of(tile);
    const float* a[kBlockTaps * kRowStep];
    p_.rows.a_rows(p_.rows.context, first_row(tile), rows, block.tap, block.taps, a);
    alignas(64) double wide[kBlock * kMaxSumRows];
    for (int64_t t = 0; t < block.taps; ++t)
      for (int i = 0; i < rows; ++i) {
        const float* from = a[t * kRowStep + i] + task.group * p_.k + block.k0;
        double* to = wide + t * block.k * rows + i;
        for (int64_t k = 0; k < block.k; ++k) to[k * rows] = from[k];
      }
    const int64_t stride = gemm_.panel_columns * p_.taps * p_.k;
    const float* panels = p_.panels + task.group * p_.group_panel_floats;
    for (int64_t panel = task.panel_begin; panel < task.panel_end;
         ++panel, sums += kMaxSumRows * kSumColumns) {
      const int64_t width = gemm_.width(p_.n - panel * gemm_.panel_columns);
      table_.add[rows]({.a = wide,
                        .b = panels + panel * stride + (block.tap * p_.k + block.k0) * width,
                        .k = block.taps * block.k,
                        .columns = width,
                        .sums = sums});
    }
  }

  void finish(const Task& task, int64_t tile, const double* sums) const {
    const Epilogue& e = p_.epilogue;
    const int64_t first = first_row(tile);
    const int rows = rows_of(tile);
    int64_t number[kRowStep];
    for (int i = 0; i < rows; ++i) number[i] = first + i;
    if (p_.rows.c_rows) p_.rows.c_rows(p_.rows.context, first, rows, number);
    const int64_t begin = task.panel_begin * gemm_.panel_columns,
                  end = std::min(p_.n, task.panel_end * gemm_.panel_columns);
    for (int i = 0; i < rows; ++i) {
      float* const c = p_.c + number[i] * p_.ldc + task.group * p_.n;
      const float* const residual =
          e.residual ? e.residual + number[i] * e.residual_ld + task.group * p_.n : nullptr;
      const float* const bias = e.bias ? e.bias + task.group * p_.n : nullptr;
      for (int64_t j = begin; j < end; j += gemm_.panel_columns) {
        const double* const from = sums + ((j - begin) / gemm_.panel_columns * kMaxSumRows + i) * kSumColumns;
        table_.round({.sums = from,
                      .bias = bias ? bias + j : nullptr,
                      .residual = residual && !e.residual_after_activation ? residual + j : nullptr,
                      .n = std::min(end - j, int64_t{gemm_.panel_columns}),
                      .low = bounds_.low,
                      .high = bounds_.high,
                      .c = c + j});
      }
      if (bounds_.activation_left)
        math_.activate(e.activation, e.alpha, e.beta, c + begin, c + begin, end - begin);
      if (residual && e.residual_after_activation)
        for (int64_t j = begin; j < end; ++j) c[j] += residual[j];
    }
  }

  const GemmProblem& p_;
  const GemmTable& gemm_;
  const GemmDoubleTable& table_;
  const MathTable& math_;
  const Bounds bounds_;
  int64_t tiles_, panels_;
};

}  // namespace

void run_gemm_in_double(Isa isa, const GemmProblem& problem, int threads) {
  DoubleDriver(isa, problem).run(threads);
}

}  // namespace ow::kernels
