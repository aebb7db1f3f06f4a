#include "tensor/memory_reuse.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "tensor/tensor.h"

namespace ow {
namespace {

constexpr int64_t kBytes = 3 << 20;

Buffer buffer(int64_t bytes) {
  Buffer b = *allocate_buffer(bytes);
  std::memset(b.get(), 1, static_cast<size_t>(bytes));
  return b;
}

TEST(MemoryReuse, GivesWhatWasFreedToWhoFits) {
  const MemoryReuse reuse;
  Buffer first = buffer(kBytes);
  const std::byte* place = first.get();
  first.reset();
  const Buffer small = buffer(kBytes / 2 + (1 << 19)), large = buffer(kBytes + (1 << 20));
  EXPECT_NE(small.get(), place) << "more than a third would lie idle";
  EXPECT_NE(large.get(), place);
  const Buffer again = buffer(kBytes - 64);
  EXPECT_EQ(again.get(), place);
  EXPECT_NE(buffer(kBytes).get(), place) << "it has an owner";
}

TEST(MemoryReuse, EndsWithItsScope) {
  size_t bytes = 1;
  {
    const MemoryReuse outer;
    {
      const MemoryReuse inner;
      buffer(kBytes);
    }
    bytes = kBytes;
    EXPECT_EQ(MemoryReuse::take(bytes), nullptr) << "the inner scope gave it back";
  }
  EXPECT_EQ(MemoryReuse::take(bytes), nullptr);
  EXPECT_FALSE(MemoryReuse::keep(nullptr, 0));
}

TEST(MemoryReuse, TakesMoreThanItKeepsAndWhatOthersAllocated) {
  const MemoryReuse reuse;
  std::vector<Buffer> many;
  for (int i = 0; i < 20; ++i) many.push_back(buffer(kBytes));
  std::thread([&] { many.push_back(buffer(kBytes)); }).join();
  many.clear();
  for (int i = 0; i < 20; ++i) many.push_back(buffer(kBytes));
  std::thread([&] { many.clear(); }).join();  // there is no scope
}

}  // namespace
}  // namespace ow
