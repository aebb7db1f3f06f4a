// Rules that need types, shapes and the contents of constants: after inference.
#pragma once
#include <functional>

#include "ir/graph.h"
#include "passes/check/report.h"

namespace ow::check {

// The inferred type of a value of the main graph, by its name in the file; null where there is none.
using TypeOf = std::function<const ir::Type*(std::string_view name)>;

void check_constraints(Report& r, const TypeOf& inferred);
void check_meaning(Report& r, ir::Graph& graph);

}  // namespace ow::check
