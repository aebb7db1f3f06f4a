// What this machine lets the process have, and gets back.
#pragma once
#include <cstdint>

namespace ow {

// Memory that this process may use: the machine's, or less where a control group or a resource limit says so.
int64_t usable_memory_bytes();

// Gives free memory that the C library keeps for later back to the machine, where that can be asked for.
void give_back_free_memory();

}  // namespace ow
