// MersenneTwister: numpy's legacy generator (numpy.random.seed, RandomState), from which the official tests
// of Dropout and Bernoulli draw what they expect.
//
// The words are those of MT19937 (Matsumoto and Nishimura: Mersenne Twister, 2003), which the C++ standard
// library has. A seed below 2^32 starts it by one number, init_genrand in that paper's program and
// numpy.random.seed(seed); any other by the array [low word, high word], init_by_array there and
// numpy.random.seed([low, high]). The numbers come one after the other: draw them on one thread.
#pragma once
#include <cstdint>
#include <random>

namespace ow {

class MersenneTwister {
 public:
  explicit MersenneTwister(uint64_t seed);

  // Uniform in [0, 1): a multiple of 2^-53 out of two words.
  double uniform() {
    const auto high = static_cast<double>(words_() >> 5), low = static_cast<double>(words_() >> 6);
    return (high * 0x1p26 + low) * 0x1p-53;
  }
  // As if `count` numbers had been drawn by uniform().
  void skip(int64_t count) { words_.discard(2 * static_cast<unsigned long long>(count)); }

 private:
  std::mt19937 words_;
};

}  // namespace ow
