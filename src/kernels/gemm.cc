// Blocking: a task is a range of row tiles times a range of panels. Within one block of the sum its panels
// stay in the second-level cache and the rows of the current tile in the first.
#include "kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/gemm_core.h"
#include "kernels/math_table.h"

namespace ow::kernels {
namespace {

constexpr int64_t kTaskTiles = 16;               // row tiles that share one read of the panels
constexpr int64_t kTaskPanelBytes = 512 * 1024;  // panels of one block of the sum
constexpr int64_t kThreadTasks = 4;              // at least, of a product that is shared
constexpr int64_t kFetchedRow = 128;             // shorter rows of A come by themselves
constexpr int64_t kLargeC = 64 * 1024;           // elements; fewer stay in the cache
// A region of less work than this costs more to start than it saves, in units of a floating-point operation.
// A number of B that comes from memory takes as long as so many.
constexpr double kParallelWork = 400e3, kReadWork = 10;

// How the sum over (tap, k) is cut: either whole taps together, or pieces of one tap. Depends on taps and k
// alone.
struct SumBlocks {
  int64_t taps, k;  // of the product
  int64_t block_taps, block_k;
  int64_t pieces, count;  // blocks of one tap, where taps are cut; blocks of the whole sum
  SumBlocks(int64_t taps_in, int64_t k_in, int64_t longest = kSumBlock) : taps(taps_in), k(k_in) {
    if (k == 0) taps = 0;
    if (taps == 0) {
      block_taps = block_k = 1;
    } else if (k > longest) {
      block_taps = 1;
      block_k = ceil_div(k, ceil_div(k, longest));
    } else {
      const int64_t most = std::min(kMaxBlockTaps, kSumBlock / k);
      block_taps = ceil_div(taps, ceil_div(taps, most));
      block_k = k;
    }
    pieces = taps ? ceil_div(k, block_k) : 1;
    count = taps ? ceil_div(taps, block_taps) * pieces : 1;
  }
  // The first tap and the first k of a block.
  void begin_of(int64_t block, int64_t& tap, int64_t& k0) const {
    tap = block * block_taps, k0 = 0;
    if (pieces > 1) tap = block / pieces, k0 = block % pieces * block_k;  // then block_taps is 1
  }
};

// Of how many terms the sums are that are joined: by experiment, so that random numbers, evenly of both signs
// or all of one, give sums within 2 eps sum |x| (docs/numerics.md). Longer sums average over more chunks.
int64_t chunk_of(int64_t k) { return k <= 12 ? 4 : k <= 48 ? 8 : k <= 320 ? 16 : 32; }
// So that few chunks are joined in a block, but for long sums, which average over many blocks.
int64_t longest_block(int64_t k) {
  return k <= 96 ? k : k <= kSumBlock ? ceil_div(k, 2) : k <= 3 * kSumBlock ? 256 : kSumBlock;
}
// Longer sums are cut into parts of nearly equal length, and what their addition is rounded by is kept.
constexpr int64_t kLongSum = 9 * kSumBlock;
struct SumParts {
  int64_t k, count;
  SumParts(const GemmProblem& p)
      : k(p.k), count(p.joined ? std::max<int64_t>(ceil_div(k, kLongSum), 1) : 1) {}
  int64_t begin(int64_t part) const { return k * part / count; }
};

// c += x, with what that is rounded by.
void add_part(const float* x, int64_t n, float* c, float* lost) {
  for (int64_t j = 0; j < n; ++j) {
    const float sum = c[j] + x[j], added = sum - c[j];
    lost[j] += (c[j] - (sum - added)) + (x[j] - added);
    c[j] = sum;
  }
}
void add_lost(const float* lost, int64_t n, float* c) {
  for (int64_t j = 0; j < n; ++j) c[j] += std::isfinite(lost[j]) ? lost[j] : 0;  // infinities lose NaN
}

constexpr int64_t kPartFloats = 1 << 20, kRowsFloats = 1 << 14;  // of C at once, and of a thread's rows

// Rows at such a distance fall into few sets of the first-level cache and drive each other out.
bool aliases(const float* row0, const float* row1) {
  return (reinterpret_cast<uintptr_t>(row1) - reinterpret_cast<uintptr_t>(row0)) % 4096 == 0;
}

// Moves the rows of a tile next to each other and redirects the pointers.
constexpr int64_t kCopyRow = kSumBlock + 16;
void copy_rows(int count, int64_t taps, int64_t k, const float** a, float* copy) {
  for (int i = 0; i < count; ++i)
    for (int64_t tap = 0; tap < taps; ++tap) {
      const float*& row = a[tap * kMaxTileRows + i];
      float* to = copy + i * kCopyRow + tap * k;
      std::memcpy(to, row, static_cast<size_t>(k) * sizeof(float));
      row = to;
    }
}

int64_t joined_tiles(const GemmTable& table, int64_t m) {
  return m <= table.streamed_rows ? 1 : ceil_div(m, table.joined_rows);
}

struct Task {
  int64_t group, tile_begin, tile_end, panel_begin, panel_end;
};

class Driver {
 public:
  Driver(Isa isa, const GemmProblem& p)
      : p_(p),
        table_(gemm_table(isa)),
        math_(math_table(isa)),
        bounds_(p.epilogue),
        parts_(p),
        sum_(part_blocks(0)),
        chunk_(p.joined ? chunk_of(p.k) : 0),
        task_tiles_(p.joined ? kTaskTiles * table_.max_rows / table_.joined_rows : kTaskTiles),
        tiles_(p.joined ? joined_tiles(table_, p.m) : ceil_div(p.m, table_.max_rows)),
        tile_rows_(p.m / tiles_),
        taller_tiles_(p.m % tiles_),
        panels_(ceil_div(p.n, table_.panel_columns)),
        wide_panels_((p.n + table_.step_columns - 1) / table_.panel_columns) {
    large_c_ = p.m * p.n * p.groups > kLargeC;
  }

  void run(int threads) const {
    const double numbers = static_cast<double>(p_.n) *
                           static_cast<double>(std::max<int64_t>(p_.k * p_.taps, 1)) *
                           static_cast<double>(p_.groups);
    if (threads <= 0) threads = usable_threads();
    if (numbers * std::max(2.0 * static_cast<double>(p_.m), kReadWork) < kParallelWork) threads = 1;
    const bool turns = p_.order != PanelOrder::kAny && streams(tiles_);
    const Parts parts = turns ? Parts{1, std::min<int64_t>(threads, panels_)} : parts_for(threads);
    parallel_for(p_.groups * parts.rows * parts.columns, 1, threads, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end && !stop_requested(); ++i) {
        const int64_t row = i / parts.columns % parts.rows, at = i % parts.columns,
                      column = backward() && !turns ? parts.columns - 1 - at : at;
        run_task({i / parts.columns / parts.rows, tiles_ * row / parts.rows, tiles_ * (row + 1) / parts.rows,
                  panels_ * column / parts.columns, panels_ * (column + 1) / parts.columns});
      }
    });
  }

 private:
  struct Rows {  // of the current tile
    int64_t first;
    int count;
    float* c[kMaxTileRows];
    const float* residual[kMaxTileRows];
  };

  void run_task(const Task& task) const {
    if (streams(task.tile_end - task.tile_begin)) return stream(task);
    for (int64_t block = 0; block < sum_.count; ++block)
      for (int64_t t = task.tile_begin; t < task.tile_end; ++t) run_tile(task, t, block);
  }

  // Into how many parts the row tiles and the panels of a group are cut. More than the caches ask for only to
  // give each thread several: then so that no thread waits long for another and the least is read, where a
  // part of rows reads all of B, and a part of columns all of A, which is moved as well where its rows drive
  // each other out of the cache.
  struct Parts {
    int64_t rows, columns;
  };
  Parts parts_for(int threads) const {
    const int64_t sum = p_.k * p_.taps,
                  panel_bytes = (std::min(kSumBlock, sum) + 1) * table_.panel_columns * 4;
    const Parts least = {ceil_div(tiles_, task_tiles_),
                         ceil_div(panels_, std::max<int64_t>(kTaskPanelBytes / panel_bytes, 1))};
    if (threads == 1) return least;
    const int64_t wanted = ceil_div(int64_t{threads} * kThreadTasks, p_.groups);
    const auto number = [](int64_t n) { return static_cast<double>(n); };
    const double work = 2 * number(p_.m) * number(p_.n) * number(sum) * number(p_.groups);
    const double a = number(p_.m) * number(p_.k), b = number(p_.n) * number(sum);
    Parts best = least;
    double best_cost = std::numeric_limits<double>::infinity();
    for (int64_t rows = least.rows; rows <= std::max(least.rows, std::min(tiles_, wanted)); ++rows) {
      const int64_t fewest = std::clamp(ceil_div(wanted, rows), least.columns, panels_);
      // Of a multiple of this each thread gets as many tasks as the others.
      const int64_t even = threads / std::gcd(p_.groups * rows, int64_t{threads});
      for (int64_t columns : {fewest, std::min(ceil_div(fewest, even) * even, panels_)}) {
        const int64_t tasks = p_.groups * rows * columns;
        const double rounds = number(ceil_div(tasks, threads)) * threads / number(tasks);
        const double read = number(p_.groups) * (2 * a * number(columns) + b * number(rows));
        const double cost = work * rounds + kReadWork * read;
        if (cost < best_cost) best = {rows, columns}, best_cost = cost;
      }
    }
    return best;
  }

  bool streams(int64_t tiles) const { return tiles == 1 && p_.m <= kMaxFewRows && p_.taps == 1; }
  bool backward() const { return p_.order == PanelOrder::kBackward; }
  int64_t first_row(int64_t tile) const { return tile * tile_rows_ + std::min(tile, taller_tiles_); }

  Rows rows_of(int64_t tile, int64_t column) const {
    Rows r;
    r.first = first_row(tile);
    r.count = static_cast<int>(first_row(tile + 1) - r.first);
    int64_t number[kMaxTileRows];
    if (p_.rows.c_rows) {
      p_.rows.c_rows(p_.rows.context, r.first, r.count, number);
    } else {
      for (int i = 0; i < r.count; ++i) number[i] = r.first + i;
    }
    for (int i = 0; i < r.count; ++i) {
      r.c[i] = p_.c + number[i] * p_.ldc + column;
      r.residual[i] = p_.epilogue.residual
                          ? p_.epilogue.residual + number[i] * p_.epilogue.residual_ld + column
                          : nullptr;
    }
    return r;
  }

  void run_tile(const Task& task, int64_t tile, int64_t block) const {
    int64_t tap0, k0;
    sum_.begin_of(block, tap0, k0);
    const int64_t taps = std::min(sum_.block_taps, sum_.taps - tap0), k = std::min(sum_.block_k, sum_.k - k0);
    const int64_t column0 = task.group * p_.n;
    const Rows rows = rows_of(tile, column0);
    const float* a[kMaxBlockTaps * kMaxTileRows];
    int64_t places[kMaxBlockTaps], live = 0;
    if (taps > 0) p_.rows.a_rows(p_.rows.context, rows.first, rows.count, tap0, taps, a);
    for (int64_t tap = 0; tap < taps; ++tap) {
      const float* const* from = a + tap * kMaxTileRows;
      const float** to = a + live * kMaxTileRows;
      const int64_t step = task.group * p_.k + k0;
      if (p_.zeros && std::all_of(from, from + rows.count, [&](const float* row) { return row == p_.zeros; }))
        continue;
      if (to != from || step != 0)
        for (int i = 0; i < rows.count; ++i) to[i] = from[i] + step;
      places[live++] = tap * p_.k;
    }
    float copy[kMaxTileRows * kCopyRow];
    if (live > 0 && rows.count > 1 && aliases(a[0], a[1])) copy_rows(rows.count, live, k, a, copy);
    if (live == 0 && block > 0 && block + 1 < sum_.count) return;
    const float* next[kMaxTileRows];
    const int64_t next_count = next_rows(task, tile, block, next);
    const Piece piece = {.a = a,
                         .places = places,
                         .tap0 = tap0,
                         .taps = live,
                         .k0 = k0,
                         .k = k,
                         .first = block == 0,
                         .last = block + 1 == sum_.count,
                         .ahead = next_panels(task, tile, block),
                         .next = next,
                         .next_count = next_count};
    const int64_t wide = std::min(task.panel_end, wide_panels_);
    if (task.panel_begin < wide) run_panels(task, rows, task.panel_begin, wide, false, piece);
    if (wide < task.panel_end) run_panels(task, rows, wide, task.panel_end, false, piece);
    if (block + 1 == sum_.count) finish(task, rows);
  }

  // What the next tile reads of A, where it is worth to be fetched while this one is computed.
  int64_t next_rows(const Task& task, int64_t tile, int64_t block, const float** out) const {
    if (p_.taps != 1 || p_.k < kFetchedRow || task.panel_end - task.panel_begin < 4) return 0;
    if (++tile == task.tile_end) tile = task.tile_begin, ++block;
    if (block == sum_.count) return 0;
    const int64_t first = first_row(tile), count = first_row(tile + 1) - first;
    p_.rows.a_rows(p_.rows.context, first, static_cast<int>(count), 0, 1, out);
    for (int64_t i = 0; i < count; ++i) out[i] += task.group * p_.k + block * sum_.block_k;
    return count;
  }

  // Few rows: reading B is what takes the time, so each panel is read once from its begin to its end.
  void stream(const Task& task) const {
    const Rows rows = rows_of(task.tile_begin, task.group * p_.n);
    const float* row[kMaxTileRows];
    if (sum_.taps > 0) p_.rows.a_rows(p_.rows.context, rows.first, rows.count, 0, 1, row);
    for (int i = 0; sum_.taps > 0 && i < rows.count; ++i) row[i] += task.group * p_.k;
    const int most = table_.panels[rows.count];
    const int64_t whole = std::min(task.panel_end, p_.n / table_.panel_columns) - task.panel_begin;
    const int64_t groups = most > 0 ? std::max<int64_t>(whole, 0) / most : 0, grouped = groups * most;
    const int64_t visits = groups + task.panel_end - task.panel_begin - grouped;
    for (int64_t visit = 0; visit < visits; ++visit) {
      const int64_t at = backward() ? visits - 1 - visit : visit;
      const Visit to = {task, row, task.panel_begin + (at < groups ? at * most : grouped + at - groups),
                        at < groups};
      stream_part(to, rows, 0);
      if (parts_.count > 1) stream_rest(to, rows);
    }
    finish(task, rows);
  }

  SumBlocks part_blocks(int64_t part) const {
    const int64_t k = parts_.begin(part + 1) - parts_.begin(part);
    return SumBlocks(p_.taps, k, p_.joined ? longest_block(k) : kSumBlock);
  }
  struct Visit {  // of one panel, or of a group of them
    const Task& task;
    const float* const* row;  // of A
    int64_t panel;
    bool group;
  };
  void stream_part(const Visit& to, const Rows& rows, int64_t part) const {
    const int64_t begin = parts_.begin(part), end = parts_.begin(part + 1);
    const SumBlocks blocks = part_blocks(part);
    const float* a[kMaxTileRows];
    for (int64_t block = 0; block < blocks.count; ++block) {
      const int64_t k0 = begin + block * blocks.block_k;
      for (int i = 0; blocks.taps > 0 && i < rows.count; ++i) a[i] = to.row[i] + k0;
      run_panels(to.task, rows, to.panel, to.panel + 1, to.group,
                 {.a = a,
                  .places = &kOneTap,
                  .taps = blocks.taps,
                  .k0 = k0,
                  .k = std::min(blocks.block_k, end - k0),
                  .first = block == 0,
                  .last = block + 1 == blocks.count,
                  .part = part});
    }
  }
  void stream_rest(const Visit& to, const Rows& rows) const {
    const int64_t column = to.panel * table_.panel_columns,
                  most = (to.group ? table_.panels[rows.count] : 1) * table_.panel_columns,
                  n = std::min(most, p_.n - column);
    float sums[kMaxFewRows * kMaxFewColumns], lost[kMaxFewRows * kMaxFewColumns] = {};
    Rows apart = rows;
    for (int i = 0; i < rows.count; ++i) apart.c[i] = sums + i * most - column;
    for (int64_t part = 1; part < parts_.count; ++part) {
      stream_part(to, apart, part);
      for (int i = 0; i < rows.count; ++i) add_part(sums + i * most, n, rows.c[i] + column, lost + i * most);
    }
    for (int i = 0; i < rows.count; ++i) add_lost(lost + i * most, n, rows.c[i] + column);
  }

  // Where the panels that come after this block's are: each tile fetches its share of them.
  struct Ahead {
    int64_t panels, row, step, share;  // later panels; first row of B in them; floats of a row; first float
  };
  Ahead next_panels(const Task& task, int64_t tile, int64_t block) const {
    const bool last = ++block == sum_.count;
    if (last && task.panel_end == panels_) return {};
    if (last) block = 0;
    int64_t tap0, k0;
    sum_.begin_of(block, tap0, k0);
    const int64_t step = ceil_div(table_.panel_columns, task.tile_end - task.tile_begin);
    const int64_t rows = std::min(sum_.block_taps * sum_.block_k, p_.taps * p_.k);
    return {last ? task.panel_end - task.panel_begin : 0, tap0 * p_.k + k0, step,
            (tile - task.tile_begin) * step * rows};
  }

  struct Piece {  // of the sum
    const float* const* a;
    const int64_t* places;  // of the taps, as in GemmTile
    int64_t tap0 = 0, taps, k0, k;
    bool first, last;  // block of the part
    int64_t part = 0;
    Ahead ahead = {};  // step 0: nothing
    const float* const* next = nullptr;
    int64_t next_count = 0;
  };
  // Panels [begin, end), all of the same width. few: those that a kernel of several takes at once.
  void run_panels(const Task& task, const Rows& rows, int64_t begin, int64_t end, bool few,
                  const Piece& piece) const {
    const bool early_residual =
        piece.part == 0 && p_.epilogue.residual && !p_.epilogue.residual_after_activation;
    const int64_t column = begin * table_.panel_columns;
    const int64_t width = table_.width(p_.n - column);
    const int64_t stride = table_.panel_columns * (p_.panel_k ? p_.panel_k : p_.taps * p_.k);
    float* c[kMaxTileRows];
    const float* residual[kMaxTileRows];
    for (int i = 0; i < rows.count; ++i) c[i] = rows.c[i] + column;
    for (int i = 0; early_residual && i < rows.count; ++i) residual[i] = rows.residual[i] + column;
    const float* first_panel = p_.panels + task.group * p_.group_panel_floats + begin * stride;
    const Ahead& ahead = piece.ahead;
    (few ? table_.few[rows.count] : table_.kernel(rows.count, width))(
        {.a = piece.a,
         .taps = piece.taps,
         .k = piece.k,
         .tap = piece.places,
         .panel = first_panel + (p_.first_k + piece.tap0 * p_.k + piece.k0) * width,
         .panel_stride = stride,
         .groups = end - begin,
         .n = p_.n - column,
         .c = c,
         .residual = early_residual ? residual : nullptr,
         .bias =
             piece.part == 0 && p_.epilogue.bias ? p_.epilogue.bias + task.group * p_.n + column : nullptr,
         .chunk = chunk_,
         .first = piece.first,
         .clip = bounds_.cuts && piece.last && parts_.count == 1,
         .low = bounds_.low,
         .high = bounds_.high,
         .fetch_c = piece.first && large_c_,
         .ahead = first_panel + ahead.panels * stride + (p_.first_k + ahead.row) * width + ahead.share,
         .ahead_step = ahead.step,
         .ahead_panels = panels_ - ahead.panels - begin,
         .next = piece.next,
         .next_count = piece.next_count});
  }

  // What the tiles left over, while their rows are in the first-level cache.
  void finish(const Task& task, const Rows& rows) const {
    const Epilogue& e = p_.epilogue;
    const int64_t begin = task.panel_begin * table_.panel_columns;
    const int64_t n = std::min(p_.n, task.panel_end * table_.panel_columns) - begin;
    for (int i = 0; i < rows.count; ++i) {
      float* c = rows.c[i] + begin;
      if (bounds_.activation_left || parts_.count > 1) math_.activate(e.activation, e.alpha, e.beta, c, c, n);
      if (e.residual && e.residual_after_activation)
        for (int64_t j = 0; j < n; ++j) c[j] += rows.residual[i][begin + j];
    }
  }

  const GemmProblem& p_;
  const GemmTable& table_;
  const MathTable& math_;
  const Bounds bounds_;
  const SumParts parts_;
  SumBlocks sum_;  // of a part
  int64_t chunk_, task_tiles_;
  int64_t tiles_, tile_rows_, taller_tiles_;  // taller_tiles_ of the tiles have a row more
  int64_t panels_, wide_panels_;              // the last one may be narrow
  bool large_c_;
};

// A product of more than one tile whose sum has parts, a strip of C at a time.
void run_long(Isa isa, const GemmProblem& whole, const StridedRows& rows, int threads) {
  const Epilogue& e = whole.epilogue;
  const SumParts parts(whole);
  const int64_t n = whole.n, strip = std::max<int64_t>(kPartFloats / n, kTaskTiles * kMaxTileRows);
  std::vector<float> sums(static_cast<size_t>(std::min(strip, whole.m) * n)), lost(sums.size());
  for (int64_t first = 0; first < whole.m && !stop_requested(); first += strip) {
    GemmProblem p = whole;
    p.m = std::min(strip, whole.m - first), p.panel_k = whole.k;
    float* const c = whole.c + first * whole.ldc;
    const float* const residual = e.residual ? e.residual + first * e.residual_ld : nullptr;
    std::fill(lost.begin(), lost.end(), 0.0f);
    const auto each_row = [&](auto row) {
      parallel_for(p.m, ceil_div(kRowsFloats, n), threads, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) row(r);
      });
    };
    for (int64_t i = 0; i < parts.count; ++i) {
      p.first_k = parts.begin(i), p.k = parts.begin(i + 1) - p.first_k;
      const StridedRows mine = {rows.a + first * rows.lda + p.first_k, rows.lda};
      p.rows.context = &mine;
      p.epilogue = {};
      if (i == 0) p.c = c, p.epilogue.bias = e.bias;
      if (i == 0 && !e.residual_after_activation)
        p.epilogue.residual = residual, p.epilogue.residual_ld = e.residual_ld;
      if (i > 0) p.c = sums.data(), p.ldc = n;
      Driver(isa, p).run(threads);
      if (i > 0) each_row([&](int64_t r) { add_part(p.c + r * n, n, c + r * whole.ldc, &lost[r * n]); });
    }
    each_row([&](int64_t r) {
      float* const row = c + r * whole.ldc;
      add_lost(&lost[r * n], n, row);
      math_table(isa).activate(e.activation, e.alpha, e.beta, row, row, n);
      if (residual && e.residual_after_activation)
        for (int64_t j = 0; j < n; ++j) row[j] += residual[r * e.residual_ld + j];
    });
  }
}

}  // namespace

void strided_a_rows(const void* context, int64_t first, int count, int64_t, int64_t, const float** out) {
  const auto& rows = *static_cast<const StridedRows*>(context);
  for (int i = 0; i < count; ++i) out[i] = rows.a + (first + i) * rows.lda;
}

void run_gemm(Isa isa, const GemmProblem& problem, int threads) {
  if (problem.m <= 0 || problem.n <= 0 || problem.groups <= 0) return;
  if (problem.in_double) return run_gemm_in_double(isa, problem, threads);
  Driver(isa, problem).run(threads);
}

void gemm(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const void* packed_b, float* c,
          int64_t ldc, const Epilogue& epilogue, int threads, PanelOrder order) {
  const StridedRows rows{a, lda};
  GemmProblem p{m, n, k, 1, {strided_a_rows, nullptr, &rows}, packed_data(packed_b), c, ldc, epilogue};
  p.order = order;
  p.in_double = packed_header(packed_b).in_double;
  p.joined = !p.in_double;
  const Isa isa = packed_isa(packed_b);
  if (p.joined && k > kLongSum && n > 0 && joined_tiles(gemm_table(isa), m) > 1)
    return run_long(isa, p, rows, threads);
  run_gemm(isa, p, threads);
}

void gemm_indirect(int64_t m, int64_t n, int64_t k, int64_t taps, const IndirectRows& rows,
                   const void* packed_b, float* c, int64_t ldc, const Epilogue& epilogue, int threads) {
  GemmProblem p{m, n, k, taps, rows, packed_data(packed_b), c, ldc, epilogue};
  p.in_double = packed_header(packed_b).in_double;
  run_gemm(packed_isa(packed_b), p, threads);
}

}  // namespace ow::kernels
