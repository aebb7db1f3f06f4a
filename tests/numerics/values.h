// Numbers to test with: always the same.
#pragma once
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace ow::numerics {

// Kinds of data that sums find hard.
enum class Data { kPositive, kMixed, kCancelling, kWide, kEqual };
inline constexpr Data kData[] = {Data::kPositive, Data::kMixed, Data::kCancelling, Data::kWide, Data::kEqual};

inline std::vector<float> values(Data data, size_t n, uint32_t seed = 1) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<float> unit(0, 1);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) switch (data) {
      case Data::kPositive:
        x[i] = unit(rng);
        break;
      case Data::kMixed:
        x[i] = normal(rng);
        break;
      case Data::kCancelling:  // pairs that are nearly each other's negative, and far larger than their sum
        x[i] = i % 2 ? -x[i - 1] + 0.01f * normal(rng) : 1000 * normal(rng);
        break;
      case Data::kWide:
        x[i] = std::ldexp(normal(rng), static_cast<int>(rng() % 40) - 20);
        break;
      case Data::kEqual:  // each sum is rounded the same way
        x[i] = 0.7f;
    }
  return x;
}
inline std::vector<float> normals(size_t n, float deviation = 1, uint32_t seed = 1) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> x(n);
  for (float& v : x) v = normal(rng);
  return x;
}

inline Tensor floats(const Shape& shape, const std::vector<float>& v) {
  return Tensor::of(shape, std::span<const float>(v));
}

}  // namespace ow::numerics
