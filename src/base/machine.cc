#include "base/machine.h"

#include <sys/resource.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>

namespace ow {
namespace {

// A positive number in a file; nullopt if there is none ("max").
std::optional<int64_t> number_in(const char* path) {
  FILE* f = std::fopen(path, "re");
  if (!f) return std::nullopt;
  long long value = 0;
  const bool read = std::fscanf(f, "%lld", &value) == 1;
  std::fclose(f);
  return read && value > 0 ? std::optional<int64_t>(value) : std::nullopt;
}

int64_t measure() {
  const int64_t pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGESIZE);
  int64_t least = pages > 0 && page_bytes > 0 ? pages * page_bytes : std::numeric_limits<int64_t>::max();
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (auto limit = number_in(path)) least = std::min(least, *limit);
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
    least = static_cast<int64_t>(std::min<rlim_t>(space.rlim_cur, static_cast<rlim_t>(least)));
  return least;
}

}  // namespace

int64_t usable_memory_bytes() {
  static const int64_t bytes = measure();
  return bytes;
}

void give_back_free_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace ow
