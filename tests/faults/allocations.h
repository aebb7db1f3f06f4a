// Counts what operator new and delete do in this program, and lets a chosen allocation fail. A program that
// links allocations.cc has them replaced.
#pragma once
#include <cstdint>

namespace ow::faults {

// The `n`th allocation from now (1: the next) fails, in whatever thread it comes; with `and_after` all later
// ones, too, until disarm().
void fail_allocation(int64_t n, bool and_after);
// No allocation fails any more. Returns whether one did.
bool disarm();

int64_t live_allocations();
int64_t live_bytes();
// The most bytes that were live since restart_peak().
int64_t peak_bytes();
void restart_peak();

}  // namespace ow::faults
