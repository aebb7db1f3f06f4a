// Whole jobs on threads of the library's own: asynchronous runs. (Parallel loops inside a job are
// thread_pool.h.)
//
// At most usable_threads() jobs run at once, the others wait in order. Threads are started when there is work
// and end after a few idle seconds, so that a process that stops asking holds none. A forked child starts
// afresh; jobs that its parent had queued run in the parent only.
#pragma once
#include <functional>

#include "base/status.h"

namespace ow {

// `job` must not throw. Errors: OutOfMemory where the system gives no thread and there is none yet.
Status run_later(std::function<void()> job);

}  // namespace ow
