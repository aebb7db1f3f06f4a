// What this machine lets the process have.
#pragma once
#include <cstdint>

namespace ow {

// Memory that this process may use: the machine's, or less where a control group or a resource limit says so.
int64_t usable_memory_bytes();

}  // namespace ow
