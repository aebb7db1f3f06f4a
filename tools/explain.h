// Fusions that the optimiser did not make, and why: what --explain prints.
#pragma once
#include <nlohmann/json.hpp>

#include "passes/missed.h"

namespace onward::tools {

// [{"pass", "node", "output", "reason"}, ...] in the order of the passes.
nlohmann::ordered_json missed_json(const ow::MissedFusions& missed);

// That list as text, grouped by pass: first how many each pass gives, then the reasons, a few of those that
// differ in names only.
void print_missed(const nlohmann::ordered_json& missed);

}  // namespace onward::tools
