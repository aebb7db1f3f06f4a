// How eagerly the threads of the pool (thread_pool.h) wait for work.
#pragma once
#include <cstdint>

namespace ow {

// How long threads wait awake for the next region before they sleep. 0: not at all; negative: the default. Of
// the process.
void set_thread_spin_us(int64_t us);

}  // namespace ow
