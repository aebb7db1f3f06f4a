// Node by node, without passes or a plan: the plain meaning of the imported model.
#include "engine.h"

#include <algorithm>

#include "base/text.h"
#include "ops/op/evaluate.h"
#include "passes/import.h"

namespace ow {

Result<std::vector<Value>> run_model(const std::string& path, const std::vector<NamedValue>& inputs) {
  const ImportedModel model = ONWARD_TRY(import_model(ONWARD_TRY(onnx::load(path))));
  std::vector<Value> ordered;
  for (const ir::Value* input : model.graph->inputs()) {
    auto given = std::find_if(inputs.begin(), inputs.end(),
                              [&](const NamedValue& v) { return v.name == input->name(); });
    if (given == inputs.end()) return internal_error("the test data has no input '", input->name(), "'");
    ordered.push_back(given->value);
  }
  return evaluate(*model.graph, ordered);
}

}  // namespace ow
