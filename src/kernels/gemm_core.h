// The blocked driver behind gemm.h, for convolutions that split their work into groups or phases.
//
// A tile is up to max_rows x panel_columns of C, held in registers over one block of the sum. Rows are split
// into tiles of nearly equal height (49 = 13 + 12 + 12 + 12). Between the blocks of the sum C holds the
// partial sum. The first block adds bias and residual, the last one applies the activation.
#pragma once
#include "kernels/gemm.h"
#include "kernels/isa_table.h"

namespace ow::kernels {

inline constexpr int kMaxTileRows = kRowStep, kMaxFewRows = 8, kMaxFewColumns = 128, kMaxSteps = 4;
inline constexpr int64_t kSumBlock = 384;  // (tap, k) pairs of one block of the sum
inline constexpr int64_t kMaxBlockTaps = 64;

inline constexpr int64_t kFetchChunk = 32;  // terms of the sum between two fetches of what lies ahead

inline constexpr int64_t kOneTap = 0;  // GemmTile::tap of a plain product

// One tile over one block of the sum, panel by panel. Of rows of C, of the residual and of the bias the
// pointers are at the first panel's first column.
struct GemmTile {
  const float* const* a;  // [taps][kMaxTileRows] row pointers, already at the block's first k
  int64_t taps, k;        // of the block
  const int64_t* tap;     // [taps] where the part of each is in a panel, in rows
  const float* panel;     // the first, at the block's first k; a tap's part is [k][columns of the panel]
  int64_t panel_stride;   // floats to the next
  int64_t groups;         // so many panels, or groups of them for the kernels of several
  int64_t n;              // valid columns: all, or less than all of the last panel
  float* const* c;        // [rows]
  const float* const* residual = nullptr;  // [rows]; null: none
  const float* bias = nullptr;             // null: none
  int64_t chunk = 0;                       // terms that are summed before they join the sum; 0: all
  bool first = true, clip = false;         // the first block of the sum; whether low and high are bounds
  float low = 0, high = 0;
  bool fetch_c = false;  // C is not in the cache: its lines are fetched before the sum
  // Fetched into the second-level cache along with each of the first ahead_panels: so many floats per k, from
  // panel_stride further each.
  const float* ahead = nullptr;
  int64_t ahead_step = 0, ahead_panels = 0;
  // Rows of k floats that are read next, fetched into the first-level cache.
  const float* const* next = nullptr;
  int64_t next_count = 0;
};

struct GemmTable {
  using TileKernel = void (*)(const GemmTile& tile);
  // A last panel of fewer columns is as wide as whole steps of them are: a vector, or half a vector where
  // that takes half the time.
  int max_rows, joined_rows, streamed_rows;  // joined_rows: of one of several tiles with GemmTile::chunk;
  int panel_columns, step_columns;           // streamed_rows: of the only one
  int64_t width(int64_t columns) const {
    return columns >= panel_columns ? panel_columns
                                    : (columns + step_columns - 1) / step_columns * step_columns;
  }
  // Panels of this width; of less than panel_columns, one.
  TileKernel kernel(int64_t rows, int64_t width) const { return tile[rows][width / step_columns - 1]; }
  TileKernel tile[kMaxTileRows + 1][kMaxSteps];  // [rows][steps - 1]
  // For so few rows that reading B takes the time: so many whole panels at once, fetched ahead (0: none).
  int panels[kMaxFewRows + 1];
  TileKernel few[kMaxFewRows + 1];
};

ONWARD_ISA_TABLES(GemmTable, gemm)

// Floats of the panels of one B (a multiple of 16), and packing into them.
int64_t panel_floats(const GemmTable& table, int64_t rows, int64_t n);

// Taps on a grid: tap (i, j, l), counted row-major, is at i * stride[0] + j * stride[1] + l * stride[2].
struct TapGrid {
  int64_t count[3], stride[3];
  int64_t offset(int64_t tap) const {
    return tap / count[2] / count[1] * stride[0] + tap / count[2] % count[1] * stride[1] +
           tap % count[2] * stride[2];
  }
};
// grid: replaces source.stride_tap if it is not null.
void pack_panels(const GemmTable& table, const BSource& source, const TapGrid* grid, float* panels,
                 int threads);

// IndirectRows of a matrix whose rows are lda apart.
struct StridedRows {
  const float* a;
  int64_t lda;
};
void strided_a_rows(const void* context, int64_t first, int count, int64_t tap, int64_t taps,
                    const float** out);

// `groups` products of the same size: group g reads A at + g * k, panels at + g * group_panel_floats, and
// owns the columns [g * n, (g + 1) * n) of C, bias and residual.
struct GemmProblem {
  int64_t m, n, k, taps;
  IndirectRows rows;
  const float* panels;
  float* c;
  int64_t ldc;
  Epilogue epilogue;
  int64_t groups = 1, group_panel_floats = 0;
  PanelOrder order = PanelOrder::kAny;
  // The row that a_rows gives for what is zero, for all of a tap; null: none. Taps of a tile with nothing
  // else are left out.
  const float* zeros = nullptr;
  bool in_double = false;  // see BSource
  bool joined = false;     // of one tap: the sum is taken in chunks that keep it within 2 eps sum |x|
  // Of a longer sum: it begins at this k of the panels, which have so many (0: k).
  int64_t first_k = 0, panel_k = 0;
};
void run_gemm(Isa isa, const GemmProblem& problem, int threads);
// What run_gemm does where the sums are to be in double; nothing of the problem may be empty.
void run_gemm_in_double(Isa isa, const GemmProblem& problem, int threads);

// The first 64 bytes of everything packed here.
struct alignas(64) PackedHeader {
  Isa isa;
  bool in_double = false;  // BSource::in_double
};
inline const PackedHeader& packed_header(const void* packed) {
  return *static_cast<const PackedHeader*>(packed);
}
inline float* packed_data(void* packed) { return reinterpret_cast<float*>(static_cast<char*>(packed) + 64); }
inline const float* packed_data(const void* packed) {
  return reinterpret_cast<const float*>(static_cast<const char*>(packed) + 64);
}
inline Isa packed_isa(const void* packed) { return packed_header(packed).isa; }

}  // namespace ow::kernels
