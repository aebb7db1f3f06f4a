// The one thread pool of the process.
//
// A parallel region is split into chunks. Each thread has a share of them, the same part of every region, so
// that it finds in its cache what it made in the one before; who is done helps the others. The caller works
// too. Workers spin for the next region, longer while a run is on unless other programs want the CPUs, then
// sleep in the kernel, so an idle process uses no CPU. One region runs at a time: a second caller (or a
// nested region) runs its chunks itself, one after the other, with the same results, because no result may
// depend on which thread computed it. After fork() the child starts a new pool.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace ow {

// Hardware threads that this process may use: its affinity mask, limited by the cgroup CPU quota.
int usable_threads();

// A callable that is only borrowed: nothing is allocated for it, and it must outlive the call it is passed
// to.
template <class... A>
class CallableRef {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, CallableRef>) CallableRef(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, A... a) { (*static_cast<std::remove_reference_t<F>*>(object))(a...); }) {}
  void operator()(A... a) const { call_(object_, a...); }

 private:
  void* object_;
  void (*call_)(void*, A...);
};
using ChunkFunction = CallableRef<int64_t, int64_t>;

// Calls fn(begin, end) over disjoint chunks that cover [0, n), each of at least `grain` items where possible,
// on at most `threads` threads (<= 0: usable_threads()). Returns when all are done; throws what `fn` threw.
void parallel_for(int64_t n, int64_t grain, int threads, ChunkFunction fn);

// A run of many regions on `threads` threads, with work for one thread between them: while one exists,
// workers wait awake for up to a millisecond, where the CPUs are not crowded.
class RunOfRegions {
 public:
  explicit RunOfRegions(int threads);
  ~RunOfRegions();
  RunOfRegions(const RunOfRegions&) = delete;
  RunOfRegions& operator=(const RunOfRegions&) = delete;

 private:
  const bool counts_;
};

}  // namespace ow
