// The one thread pool of the process.
//
// A parallel region is split into chunks that threads take by an atomic counter; the caller works too.
// Workers spin briefly for the next region, then sleep in the kernel, so an idle process uses no CPU. One
// region runs at a time: a second caller (or a nested region) runs its chunks itself, one after the other,
// with the same results, because no result may depend on which thread computed it. After fork() the child
// starts a new pool.
#pragma once
#include <cstdint>
#include <functional>

namespace ow {

// Hardware threads that this process may use: its affinity mask, limited by the cgroup CPU quota.
int usable_threads();

// Calls fn(begin, end) over disjoint chunks that cover [0, n), each of at least `grain` items where possible,
// on at most `threads` threads (<= 0: usable_threads()). Returns when all are done; throws what `fn` threw.
void parallel_for(int64_t n, int64_t grain, int threads, const std::function<void(int64_t, int64_t)>& fn);

}  // namespace ow
