// The one call from the conformance runner into the engine.
#pragma once
#include <string>
#include <vector>

#include "test_case.h"

namespace ow {

struct EngineOptions {
  std::string level = "full";  // "off"; "plain": node by node, the imported model's meaning without any plan
  int threads = 0;             // 0: as many as the process may use
};

// Loads the model, runs it on the named inputs, and returns its outputs in the graph's order.
Result<std::vector<Value>> run_model(const std::string& path, const std::vector<NamedValue>& inputs,
                                     const EngineOptions& options);

}  // namespace ow
