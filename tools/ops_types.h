// onward ops --types (tools/ops_types.cc).
#pragma once
#include <string>

namespace onward::tools {

// Prints how the types of every operator, or of those called `only`, are computed.
void print_types(const std::string& only, bool json);

}  // namespace onward::tools
