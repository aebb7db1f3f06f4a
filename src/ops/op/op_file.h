// Which file defines an operator: for builds of some operators only (ONWARD_OPS).
#pragma once
#include "ops/op/op.h"

namespace ow {

// The name of the file in src/ops that `op` is in, without ".cc"; "" if it is not one of all_ops().
std::string_view op_file(const Op& op);

}  // namespace ow
