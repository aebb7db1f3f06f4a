// Where a run's buffers come from, when it is not the C++ runtime: a Budget may be tied to a source, and
// allocate_buffer takes from it what is accounted to that budget. Strings stay the runtime's.
#pragma once
#include <cstddef>
#include <memory>

#include "base/budget.h"

namespace ow {

// `allocate` returns `bytes` bytes at a multiple of `alignment`, or null; both are called from any thread,
// until the last buffer is gone. Without `allocate`: the C++ runtime.
struct MemorySource {
  void* (*allocate)(void* user, size_t bytes, size_t alignment) = nullptr;
  void (*release)(void* user, void* memory, size_t bytes) = nullptr;
  void* user = nullptr;
};

std::shared_ptr<Budget> make_budget(const MemorySource& source);
// Null for a budget that was made without.
const MemorySource* memory_source(const std::shared_ptr<Budget>& budget);

}  // namespace ow
