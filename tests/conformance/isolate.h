// Runs jobs in processes of their own, so that a crash, a hang or an abort of one is its result and not the
// end of the run. A job may not depend on threads that its caller has started.
#pragma once
#include <functional>
#include <string>

#include "base/status.h"

namespace ow {

struct IsolateOptions {
  int processes = 1;
  double timeout_s = 60;
};

// Runs job(i) for i in [0, count), each in a child process, and calls done(i, status) here as each ends. The
// status is the job's own, or Internal: "crashed: Segmentation fault" with the end of what it wrote to
// stderr, or DeadlineExceeded past the timeout. Errors: Io if no process can be started.
Status run_isolated(size_t count, const IsolateOptions& options, const std::function<Status(size_t)>& job,
                    const std::function<void(size_t, const Status&)>& done);

}  // namespace ow
