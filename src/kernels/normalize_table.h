// The functions of normalize.h for one instruction set.
#pragma once
#include "kernels/isa_table.h"
#include "kernels/normalize.h"

namespace ow::kernels {

// First moments of a row less `shift`, summed.
struct RowSums {
  double sum, squares;
};

// At most this many pixels of kSpreadChannels channels are summed at once.
inline constexpr int64_t kSpreadPixels = 64, kSpreadChannels = 16;

// The same for each of `channels` <= kSpreadChannels side by side: sums[c] about shift[c], which is their
// rounded mean.
struct ChannelSums {
  const float* x;
  int64_t pixels, stride, channels;
  float *shift, *sum, *squares;  // [kSpreadChannels]
};

struct NormalizeTable {
  void (*channel_sums)(const ChannelSums& s);
  void (*affine)(const ChannelAffine& a);
  void (*line)(const float* x, float* y, int64_t n, float mean, float scale, float bias);
  RowSums (*sums)(const float* x, int64_t n, float shift);
  // y = ((x - shift) - rest) * factor * scale + bias
  void (*apply)(const NormalizeRow& row, float shift, float rest, float factor);
};

ONWARD_ISA_TABLES(NormalizeTable, normalize)

}  // namespace ow::kernels
