// RandomStream: random numbers by position, so that threads may draw them in any order.
//
// bits(i) is the i-th output of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
// generators, 2014): the state advances by a constant, so it can be entered at any i, and a finaliser of
// xor-shifts and multiplications scatters it. The period is 2^64. With a seed the stream is a function of the
// seed alone: every run and every node of that seed draws the same numbers. Not for secrets.
//
// A node that states no seed takes one from the RandomScope of the thread, or where there is none, from the
// clock, new for each call.
#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>

namespace ow {

// Decides the seeds of nodes that state none and run on this thread while the scope is open: the first one of
// run 0 is `seed` itself, number i of any other run a function of (seed, run, i) alone. Without a seed the
// scope changes nothing.
class RandomScope {
 public:
  RandomScope(std::optional<uint64_t> seed, uint64_t run);
  ~RandomScope();
  RandomScope(const RandomScope&) = delete;
  RandomScope& operator=(const RandomScope&) = delete;

  uint64_t next_seed();

 private:
  uint64_t seed_ = 0, run_ = 0, seeds_ = 0;
  RandomScope* outer_;
};

// The seed of one call of a node that states this one, or none. A whole number below 2^32 is that seed,
// be it stated as integer or as float; any other float stands for a seed above, made of its bits.
uint64_t seed_from_float(std::optional<float> stated);
uint64_t seed_from_integer(std::optional<int64_t> stated);

class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : start_(finalise(seed * kStep)) {}
  explicit RandomStream(std::optional<float> stated) : RandomStream(seed_from_float(stated)) {}

  uint64_t bits(uint64_t i) const { return finalise(start_ + (i + 1) * kStep); }
  // Uniform in [0, 1): a multiple of 2^-digits, so that a type of as many digits holds it exactly.
  double uniform(uint64_t i, int digits = 53) const {
    return std::ldexp(static_cast<double>(bits(i) >> (64 - digits)), -digits);
  }
  // Mean 0, variance 1 (Box and Muller's transform of bits 2 i and 2 i + 1).
  double normal(uint64_t i) const {
    return std::sqrt(-2 * std::log(1 - uniform(2 * i))) * std::cos(2 * std::numbers::pi * uniform(2 * i + 1));
  }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15;
  static uint64_t finalise(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t start_;
};

}  // namespace ow
