// Rules that need known shapes and the contents of constants: on the imported graph, after inference.
#pragma once
#include "ir/graph.h"
#include "passes/check/report.h"

namespace ow::check {

void check_meaning(Report& r, ir::Graph& graph);

}  // namespace ow::check
