// One thing held against a bound, and the groups of them.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "kernels/cpu.h"

namespace ow::numerics {

struct Check {
  std::string name;
  double measured = 0, bound = 0;
  std::string unit;
  // Of a time, which another program on the machine may spoil: printed, but missed by none.
  bool is_declared = false;
  bool is_met() const { return is_declared || measured <= bound; }
};
using Checks = std::vector<Check>;

// The instruction sets of this processor, the best first.
std::vector<kernels::Isa> available_isas();

// Sums of up to 10^6 terms: largest error over eps sum |x|.
Checks check_sums(bool quick);
// Softmax, attention and the normalisations, in units in the last place of each element.
Checks check_rows(bool quick);
// All 65536 numbers of float16 and bfloat16 in each function, and pairs of float32 in arithmetic and casts.
Checks check_types();
// Results that are not bit for bit the same with 1, 2 and 3 threads, or alone and in a batch.
Checks check_invariance();
// NaN, infinities and signed zeros, float to integer; the control word; time of denormals over that of
// others.
Checks check_specials();

}  // namespace ow::numerics
