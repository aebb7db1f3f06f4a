#include "faults/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace ow::faults {
namespace {

constinit std::atomic<int64_t> g_until_failure{0};  // 0: none is to fail
constinit std::atomic<bool> g_and_after{false}, g_failed{false};
constinit std::atomic<int64_t> g_live{0}, g_live_bytes{0}, g_peak_bytes{0};

bool must_fail() {
  if (g_until_failure.load(std::memory_order_relaxed) == 0) return false;
  const int64_t left = g_until_failure.fetch_sub(1, std::memory_order_relaxed) - 1;
  if (left > 0) return false;
  if (left < 0 && !g_and_after.load(std::memory_order_relaxed)) return false;
  g_failed.store(true, std::memory_order_relaxed);
  return true;
}

void* allocate(size_t bytes, size_t alignment) {
  if (must_fail()) return nullptr;
  void* p = alignment ? std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment)
                      : std::malloc(bytes ? bytes : 1);
  if (!p) return nullptr;
  g_live.fetch_add(1, std::memory_order_relaxed);
  const auto size = static_cast<int64_t>(malloc_usable_size(p));
  const int64_t now = g_live_bytes.fetch_add(size, std::memory_order_relaxed) + size;
  int64_t peak = g_peak_bytes.load(std::memory_order_relaxed);
  while (now > peak && !g_peak_bytes.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return p;
}

void release(void* p) {
  if (!p) return;
  g_live.fetch_sub(1, std::memory_order_relaxed);
  g_live_bytes.fetch_sub(static_cast<int64_t>(malloc_usable_size(p)), std::memory_order_relaxed);
  std::free(p);
}

void* allocate_or_throw(size_t bytes, size_t alignment) {
  if (void* p = allocate(bytes, alignment)) return p;
  throw std::bad_alloc();
}

}  // namespace

void fail_allocation(int64_t n, bool and_after) {
  g_failed = false;
  g_and_after = and_after;
  g_until_failure = n;
}
bool disarm() {
  g_until_failure = 0;
  return g_failed;
}
int64_t live_allocations() { return g_live; }
int64_t live_bytes() { return g_live_bytes; }
int64_t peak_bytes() { return g_peak_bytes; }
void restart_peak() { g_peak_bytes = g_live_bytes.load(); }

}  // namespace ow::faults

using ow::faults::allocate;
using ow::faults::allocate_or_throw;
using ow::faults::release;

void* operator new(size_t n) { return allocate_or_throw(n, 0); }
void* operator new[](size_t n) { return allocate_or_throw(n, 0); }
void* operator new(size_t n, const std::nothrow_t&) noexcept { return allocate(n, 0); }
void* operator new[](size_t n, const std::nothrow_t&) noexcept { return allocate(n, 0); }
void* operator new(size_t n, std::align_val_t a) { return allocate_or_throw(n, static_cast<size_t>(a)); }
void* operator new[](size_t n, std::align_val_t a) { return allocate_or_throw(n, static_cast<size_t>(a)); }
void* operator new(size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(n, static_cast<size_t>(a));
}
void* operator new[](size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(n, static_cast<size_t>(a));
}
void operator delete(void* p) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, size_t) noexcept { release(p); }
void operator delete[](void* p, size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { release(p); }
