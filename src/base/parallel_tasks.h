// parallel_for (thread_pool.h) for tasks that need scratch memory of their thread.
#pragma once
#include "base/thread_pool.h"

namespace ow {

// Calls fn(thread, task) for each task of [0, n) on at most `threads` threads (>= 1). thread is in [0,
// threads); of the calls that run at the same time each has another. Returns when all are done; throws what
// `fn` threw.
void parallel_tasks(int64_t n, int threads, CallableRef<int64_t, int64_t> fn);

}  // namespace ow
