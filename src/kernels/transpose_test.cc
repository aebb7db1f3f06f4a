// Element by element against index arithmetic, at odd sizes and for every element size.
#include "kernels/transpose.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/test_support.h"

namespace ow::kernels {
namespace {

std::vector<char> random_bytes(int64_t n, uint64_t seed) {
  Random random(seed);
  std::vector<char> v(static_cast<size_t>(n));
  for (char& c : v) c = static_cast<char>(random.next());
  return v;
}

void check_permute(const std::vector<int64_t>& dims, const std::vector<int>& perm, int size, int threads) {
  const int rank = static_cast<int>(dims.size());
  const int64_t n = std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
  const auto src = random_bytes(n * size, 3);
  std::vector<char> dst(src.size(), 0);
  permute(src.data(), dims.data(), perm.data(), rank, size, dst.data(), threads);
  for (int64_t flat = 0; flat < n; ++flat) {
    std::vector<int64_t> at(dims.size());
    int64_t rest = flat, to = 0;
    for (int i = rank - 1; i >= 0; --i) at[i] = rest % dims[i], rest /= dims[i];
    for (int axis : perm) to = to * dims[axis] + at[axis];
    ASSERT_EQ(0, std::memcmp(src.data() + flat * size, dst.data() + to * size, static_cast<size_t>(size)))
        << "element " << flat << " size " << size;
  }
}

TEST(Permute, EveryPermutationAndElementSize) {
  for (const std::vector<int64_t>& dims : std::vector<std::vector<int64_t>>{
           {}, {7}, {37, 67}, {3, 5, 41}, {2, 3, 1, 35}, {2, 33, 4, 34}, {3, 2, 4, 2, 5}}) {
    std::vector<int> perm(dims.size());
    std::iota(perm.begin(), perm.end(), 0);
    do {
      for (int size : {1, 2, 4, 8, 16, 3}) check_permute(dims, perm, size, 2);
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

// Planes of images become pixels side by side.
TEST(Permute, FewPlanes) {
  for (int64_t planes : {2, 3, 5})
    for (int64_t pixels : {1, 3, 4, 5, 8, 1030, 100003})
      for (int threads : {1, 3}) check_permute({2, planes, pixels}, {0, 2, 1}, 4, threads);
}

TEST(Permute, EmptyAndLarge) {
  check_permute({3, 0, 5}, {2, 1, 0}, 4, 2);
  for_each_isa([] {
    for (int threads : {1, 2, 3}) check_permute({2, 301, 299}, {0, 2, 1}, 4, threads);
    for (int64_t side : {8, 15, 16, 17, 64}) check_permute({side, 48}, {1, 0}, 4, 1);
  });
}

TEST(CopyStrided, SlicesReversesAndBroadcasts) {
  struct Case {
    int64_t dims[3], src[3], dst[3], src_start, dst_start;
  };
  const Case cases[] = {
      {{4, 5, 6}, {30, 6, 1}, {30, 6, 1}, 0, 0},           // contiguous
      {{4, 5, 6}, {60, 12, 2}, {42, 7, 1}, 1, 3},          // every second, into a wider row
      {{5, 16, 75}, {2400, 150, 2}, {1200, 75, 1}, 1, 0},  // the last one read is the last there is
      {{4, 5, 6}, {-30, 6, -1}, {30, 6, 1}, 95, 0},        // reversed
      {{4, 5, 6}, {0, 1, 0}, {30, 6, 1}, 2, 0},            // broadcast
      {{4, 5, 6}, {1, 4, 20}, {-30, -6, -1}, 0, 119},      // transposed and reversed
      {{4, 37, 66}, {1, 300, 4}, {2442, 66, 1}, 0, 0},
  };
  for (const Case& c : cases)
    for (int size : {1, 2, 4, 8, 16}) {
      const auto src = random_bytes(12000 * size, 5);
      std::vector<char> dst(static_cast<size_t>(12000 * size), 'x'), want = dst;
      copy_strided(src.data() + c.src_start * size, c.src, dst.data() + c.dst_start * size, c.dst, c.dims, 3,
                   size, 2);
      for (int64_t i = 0; i < c.dims[0]; ++i)
        for (int64_t j = 0; j < c.dims[1]; ++j)
          for (int64_t k = 0; k < c.dims[2]; ++k)
            std::memcpy(want.data() + (c.dst_start + i * c.dst[0] + j * c.dst[1] + k * c.dst[2]) * size,
                        src.data() + (c.src_start + i * c.src[0] + j * c.src[1] + k * c.src[2]) * size,
                        static_cast<size_t>(size));
      ASSERT_EQ(dst, want) << "element size " << size;
    }
}

}  // namespace
}  // namespace ow::kernels
