// onward ops --used-by (tools/ops_used.cc).
#pragma once
#include <string>

namespace onward::tools {

// The operator files of src/ops and the element types (type:float) that loading and running a model takes,
// one a line behind a line that says which model it is: what -DONWARD_OPS takes. Throws std::runtime_error if
// it cannot be loaded.
std::string used_operator_files(const std::string& model_path);

}  // namespace onward::tools
