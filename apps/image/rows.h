// Work on the rows of a picture, cut into one contiguous band a thread. Rows must not depend on each other.
#pragma once
#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace onward::apps {

// Calls fn(first, last), which must not throw, for bands that cover [0, rows). `threads` <= 0: as many as the
// machine has.
template <class Fn>
void for_row_bands(int rows, int threads, const Fn& fn) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  threads = std::clamp(threads, 1, std::max(1, rows / 16));
  const auto start = [&](int i) { return static_cast<int>(static_cast<int64_t>(rows) * i / threads); };
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&fn, &start, i] { fn(start(i), start(i + 1)); });
  fn(0, start(1));
}

}  // namespace onward::apps
