// The one call from the conformance runner into the engine.
#pragma once
#include <string>
#include <vector>

#include "test_case.h"

namespace ow {

// Loads the model, runs it on the named inputs, and returns its outputs in the graph's order.
Result<std::vector<Value>> run_model(const std::string& path, const std::vector<NamedValue>& inputs);

}  // namespace ow
