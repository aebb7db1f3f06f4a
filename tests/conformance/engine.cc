// Through a session: passes, plan and memory plan; or, at level "plain", node by node. Nodes without a seed
// draw from seed 0, as the program did that wrote down what the cases expect.
#include "engine.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "ops/op/evaluate.h"
#include "ops/op/random.h"
#include "passes/import.h"
#include "runtime/session.h"

namespace ow {
namespace {

constexpr uint64_t kSeed = 0;

Result<std::vector<Value>> run_plain(const std::string& path, const std::vector<NamedValue>& inputs) {
  const ImportedModel model = ONWARD_TRY(import_model(ONWARD_TRY(onnx::load(path))));
  std::vector<Value> ordered;
  for (const ir::Value* input : model.graph->inputs()) {
    auto given = std::find_if(inputs.begin(), inputs.end(),
                              [&](const NamedValue& v) { return v.name == input->name(); });
    if (given == inputs.end()) return internal_error("the test data has no input '", input->name(), "'");
    ordered.push_back(given->value);
  }
  const RandomScope random(kSeed, 0);
  return evaluate(*model.graph, ordered);
}

}  // namespace

Result<std::vector<Value>> run_model(const std::string& path, const std::vector<NamedValue>& inputs,
                                     const EngineOptions& engine) {
  if (engine.level == "plain") return run_plain(path, inputs);
  SessionOptions options;
  options.random_seed = kSeed;
  options.threads = engine.threads;
  if (engine.level == "off") options.level = Level::kOff;
  auto session = ONWARD_TRY(Session::create(ONWARD_TRY(Model::load(path)), options));
  std::vector<std::pair<std::string_view, Value>> fed;
  for (const NamedValue& v : inputs) fed.emplace_back(v.name, v.value);
  return session->run(fed);
}

}  // namespace ow
