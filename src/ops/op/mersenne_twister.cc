#include "ops/op/mersenne_twister.h"

#include <algorithm>

namespace ow {
namespace {

// init_by_array of two words, in the form of a seed sequence.
struct InitByArray {
  using result_type = uint32_t;
  uint32_t key[2];

  template <class It>
  void generate(It begin, It end) const {
    const auto n = static_cast<uint32_t>(end - begin);
    uint32_t word = 19650218;
    for (uint32_t i = 0; i < n; ++i) {
      if (i > 0) word = 1812433253 * (word ^ (word >> 30)) + i;
      begin[i] = word;
    }
    uint32_t i = 1;
    const auto mix = [&](uint32_t factor, uint32_t added) {
      const auto before = static_cast<uint32_t>(begin[i - 1]);
      begin[i] = (static_cast<uint32_t>(begin[i]) ^ ((before ^ (before >> 30)) * factor)) + added;
      if (++i < n) return;
      begin[0] = begin[n - 1];
      i = 1;
    };
    for (uint32_t k = 0; k < n; ++k) mix(1664525, key[k % 2] + k % 2);
    for (uint32_t k = 1; k < n; ++k) mix(1566083941, 0 - i);
    begin[0] = 0x80000000;
  }
};

std::mt19937 seeded(uint64_t seed) {
  const InitByArray words{{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}};
  if (words.key[1] == 0) return std::mt19937(words.key[0]);
  return std::mt19937(words);
}

}  // namespace

MersenneTwister::MersenneTwister(uint64_t seed) : words_(seeded(seed)) {}

}  // namespace ow
