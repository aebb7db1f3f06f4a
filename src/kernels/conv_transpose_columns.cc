#include "kernels/conv_transpose_columns.h"

#include <algorithm>
#include <vector>

#include "base/stop.h"
#include "base/thread_pool.h"
#include "kernels/ceil_div.h"
#include "kernels/finish.h"
#include "kernels/gemm_core.h"

namespace ow::kernels {
namespace {

// At least so many pixels and products of numbers in a product of several input rows.
constexpr int64_t kProductPixels = 64, kProducts = 100'000;
// Writing and adding one column takes as long as so many steps of its product.
constexpr int64_t kAddSteps = 8;
constexpr double kPartWork = 100e3;  // floating-point operations that are worth a thread

// What a pixel gives for one plane of the kernel: [kh][kw][output channel].
int64_t columns(const ConvShape& s) { return s.kernel[1] * s.kernel[2] * s.out_channels; }
int64_t plane_floats(Isa isa, const ConvShape& s) {
  return panel_floats(gemm_table(isa), s.in_channels, columns(s));
}

int64_t floor_div(int64_t a, int64_t b) { return -ceil_div(-a, b); }

// How many inputs along an axis may reach an output.
int64_t reach(const ConvShape& s, int axis) {
  return (s.kernel[axis] - 1) * s.dilation[axis] / s.stride[axis] + 1;
}

// The input that reaches output o of an axis through tap k; below 0 or past the last: none.
int64_t input_of(const ConvShape& s, int axis, int64_t o, int64_t k) {
  const int64_t at = o + s.pad[axis] - k * s.dilation[axis];
  return at % s.stride[axis] == 0 && at / s.stride[axis] < s.in[axis] ? floor_div(at, s.stride[axis]) : -1;
}

// How the output rows of all images and planes are shared, and what each part keeps.
struct Layout {
  int64_t parts;
  int64_t rows, slots;          // input rows of one product; such groups of rows that are kept
  int64_t rings;                // one for each plane of the kernel that may reach an output
  int64_t slot_floats, floats;  // of a slot; of all that a part keeps

  Layout(const ConvShape& s, int threads) {
    const int64_t lines = s.batch * s.out[0] * s.out[1];
    const double work = 2.0 * static_cast<double>(s.batch * s.in_pixels() * s.in_channels) *
                        static_cast<double>(columns(s) * s.kernel[0]);
    const auto worth = static_cast<int64_t>(work / kPartWork) + 1;
    // A part makes again the input rows before its first that reach it.
    const int64_t least = s.out[1] > 1 ? 2 * reach(s, 1) * s.stride[1] : 1;
    parts = std::clamp<int64_t>(std::min(worth, lines / least), 1, threads > 0 ? threads : usable_threads());
    const int64_t pixels =
        std::max(kProductPixels, kProducts / std::max<int64_t>(s.in_channels * columns(s), 1));
    rows = std::clamp<int64_t>(ceil_div(pixels, std::max<int64_t>(s.in[2], 1)), 1,
                               std::max<int64_t>(s.in[1], 1));
    slots = ceil_div(reach(s, 1) - 1, rows) + 1;
    rings = std::min(reach(s, 0), std::max<int64_t>(s.in[0], 1));
    slot_floats = rows * s.in[2] * columns(s);
    floats = ceil_div(rings * slots * slot_floats + s.out[2] * s.out_channels, 16) * 16;
  }
};

// to[i * to_step + j] += from[i * from_step + j] for i < runs, j < count; kCount: count where it is known, or
// 0.
template <int kCount>
void add_runs(const float* from, int64_t from_step, int64_t runs, int64_t count, float* to, int64_t to_step) {
  typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
  for (; runs > 0; --runs, from += from_step, to += to_step) {
    int64_t j = 0;
    for (; j + 4 <= (kCount ? kCount : count); j += 4)
      *reinterpret_cast<Four*>(to + j) += *reinterpret_cast<const Four*>(from + j);
    for (; j < (kCount ? kCount : count); ++j) to[j] += from[j];
  }
}

// As some lengths take less to add than to find out how long they are.
auto adder_of(int64_t count) {
  return count == 1   ? add_runs<1>
         : count == 2 ? add_runs<2>
         : count == 3 ? add_runs<3>
         : count == 4 ? add_runs<4>
                      : add_runs<0>;
}

// The output rows of one part.
class Part {
 public:
  Part(Isa isa, const ConvShape& s, const Layout& layout, const float* packed, const float* in,
       float* scratch)
      : isa_(isa),
        s_(s),
        l_(layout),
        packed_(packed),
        in_(in),
        rings_(static_cast<size_t>(s.kernel[0])),
        kept_(scratch),
        sums_(scratch + l_.rings * l_.slots * l_.slot_floats) {}

  void run(int64_t begin, int64_t end, float* out, const Epilogue& e) {
    const int64_t channels = s_.out_channels;
    Epilogue rest = e;
    rest.bias = nullptr;
    for (int64_t line = begin; line < end && !stop_requested(); ++line) {
      const int64_t h = line % s_.out[1], pixel = line * s_.out[2];
      if (line == begin || h == 0) enter_plane(line / s_.out[1], h);
      float* const to = out + pixel * s_.out_ld;
      float* const sums = s_.out_ld == channels ? to : sums_;
      sum_row(h, e.bias, sums);
      for (int64_t w = 0; sums != to && w < s_.out[2]; ++w)
        std::copy(sums + w * channels, sums + (w + 1) * channels, to + w * s_.out_ld);
      finish_pixels(rest, math_table(isa_), pixel, s_.out[2], channels, to, s_.out_ld);
    }
  }

 private:
  // What one plane of the kernel gives of the input plane through which it reaches the current outputs.
  struct Ring {
    const float* panels;
    const float* plane;  // of the input
    float* kept;         // group g of rows is in slot g % slots
    int64_t next;        // the first group that was not made
  };

  // Plane `plane` of all images one after the other, to begin with output row h.
  void enter_plane(int64_t plane, int64_t h) {
    const int64_t image = plane / s_.out[0], d = plane % s_.out[0];
    const int64_t reached = h + s_.pad[1] - (s_.kernel[1] - 1) * s_.dilation[1];
    const int64_t first = std::max<int64_t>(ceil_div(reached, s_.stride[1]), 0) / l_.rows;
    rings_.clear();
    for (int64_t kd = 0; kd < s_.kernel[0]; ++kd)
      if (const int64_t id = input_of(s_, 0, d, kd); id >= 0)
        rings_.push_back({.panels = packed_ + kd * plane_floats(isa_, s_),
                          .plane = in_ + (image * s_.in[0] + id) * s_.in[1] * s_.in[2] * s_.in_ld,
                          .kept = kept_ + static_cast<int64_t>(rings_.size()) * l_.slots * l_.slot_floats,
                          .next = first});
  }

  // What the pixels of an input row give, [pixel][column].
  const float* row_of(Ring& ring, int64_t h) const {
    const int64_t group = h / l_.rows;
    for (; ring.next <= group; ++ring.next) make(ring, ring.next);
    return ring.kept + group % l_.slots * l_.slot_floats + h % l_.rows * s_.in[2] * columns(s_);
  }

  void make(const Ring& ring, int64_t group) const {
    const int64_t first = group * l_.rows, rows = std::min(l_.rows, s_.in[1] - first), n = columns(s_);
    const StridedRows pixels{ring.plane + first * s_.in[2] * s_.in_ld, s_.in_ld};
    run_gemm(isa_,
             {.m = rows * s_.in[2],
              .n = n,
              .k = s_.in_channels,
              .taps = 1,
              .rows = {strided_a_rows, nullptr, &pixels},
              .panels = ring.panels,
              .c = ring.kept + group % l_.slots * l_.slot_floats,
              .ldc = n,
              .epilogue = {}},
             1);
  }

  void sum_row(int64_t oh, const float* bias, float* sums) {
    const int64_t channels = s_.out_channels;
    const int64_t floats = s_.out[2] * channels;
    if (!bias) std::fill(sums, sums + floats, 0.0f);
    if (bias) std::copy(bias, bias + channels, sums);
    for (int64_t done = channels; bias && done < floats; done *= 2)
      std::copy(sums, sums + std::min(done, floats - done), sums + done);
    for (Ring& ring : rings_)
      for (int64_t kh = s_.kernel[1]; kh-- > 0;)  // from the first input row to the last
        if (const int64_t h = input_of(s_, 1, oh, kh); h >= 0)
          add_row(row_of(ring, h) + kh * s_.kernel[2] * channels, sums);
  }

  // Adds what the pixels of a row give for a row of the kernel. Without dilation that is one run of outputs
  // for each pixel. Pixels whose runs overlap are added in turns: what was just written by parts cannot be
  // read soon.
  void add_row(const float* row, float* sums) const {
    const int64_t channels = s_.out_channels, step = s_.stride[2], n = columns(s_);
    const int64_t runs = s_.dilation[2] == 1 ? 1 : s_.kernel[2], wide = s_.kernel[2] / runs;
    const auto adder = adder_of(wide * channels);
    for (int64_t run = 0; run < runs; ++run, row += wide * channels) {
      const int64_t first = run * s_.dilation[2] - s_.pad[2];  // output of input 0; outputs may lie outside
      const int64_t inside = std::clamp<int64_t>(ceil_div(-first, step), 0, s_.in[2]);
      const int64_t outside = std::clamp(floor_div(s_.out[2] - wide - first, step) + 1, inside, s_.in[2]);
      const auto add_clipped = [&](int64_t begin, int64_t end) {
        for (int64_t w = begin; w < end; ++w) {
          const int64_t at = first + w * step, from = std::max<int64_t>(at, 0),
                        to = std::min(at + wide, s_.out[2]);
          if (from < to)
            add_runs<0>(row + w * n + (from - at) * channels, 0, 1, (to - from) * channels,
                        sums + from * channels, 0);
        }
      };
      add_clipped(0, inside), add_clipped(outside, s_.in[2]);
      const int64_t turns = ceil_div(wide, step);
      for (int64_t turn = 0; turn < turns; ++turn)
        if (const int64_t w = inside + turn; w < outside)
          adder(row + w * n, turns * n, ceil_div(outside - w, turns), wide * channels,
                sums + (first + w * step) * channels, turns * step * channels);
    }
  }

  const Isa isa_;
  const ConvShape& s_;
  const Layout& l_;
  const float *packed_, *in_;
  std::vector<Ring> rings_;
  float *const kept_, *const sums_;
};

}  // namespace

bool in_columns(Isa isa, const ConvShape& s) {
  if (s.groups != 1 || s.method == ConvMethod::kInDouble) return false;
  const GemmTable& table = gemm_table(isa);
  const auto time = [&](int64_t n) {  // of a product of n columns
    const int64_t whole = n / table.panel_columns * table.panel_columns;
    return s.in_channels * (n == whole ? n : whole + table.width(n - whole));
  };
  return s.kernel[0] * (time(columns(s)) + kAddSteps * columns(s)) < s.taps() * time(s.out_channels);
}

size_t columns_packed_floats(Isa isa, const ConvShape& shape) {
  return static_cast<size_t>(shape.kernel[0] * plane_floats(isa, shape));
}

void columns_pack(Isa isa, const ConvShape& s, const UnalignedFloat* w, float* packed, int threads) {
  const int64_t n = columns(s), plane = s.kernel[1] * s.kernel[2];
  std::vector<float> weights(static_cast<size_t>(s.in_channels * n));
  for (int64_t kd = 0; kd < s.kernel[0]; ++kd, packed += plane_floats(isa, s)) {
    for (int64_t i = 0; i < s.in_channels; ++i)
      for (int64_t c = 0; c < s.out_channels; ++c)
        for (int64_t t = 0; t < plane; ++t)
          weights[i * n + t * s.out_channels + c] = w[(i * s.out_channels + c) * s.taps() + kd * plane + t];
    pack_panels(gemm_table(isa),
                {.b = weights.data(), .k = s.in_channels, .n = n, .stride_k = n, .stride_n = 1}, nullptr,
                packed, threads);
  }
}

size_t columns_scratch_bytes(const ConvShape& shape, int threads) {
  const Layout layout(shape, threads);
  return 4 * static_cast<size_t>(layout.parts * layout.floats);
}

void conv_transpose_columns(Isa isa, const ConvShape& shape, const float* packed, const float* in, float* out,
                            const Epilogue& epilogue, void* scratch, int threads) {
  const Layout layout(shape, threads);
  const int64_t lines = shape.batch * shape.out[0] * shape.out[1];
  parallel_for(layout.parts, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part)
      Part(isa, shape, layout, packed, in, static_cast<float*>(scratch) + part * layout.floats)
          .run(lines * part / layout.parts, lines * (part + 1) / layout.parts, out, epilogue);
  });
}

}  // namespace ow::kernels
