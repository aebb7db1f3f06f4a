// From a graph to a plan: shape inference, every pass at one of the levels, compilation, and binding with 2
// for each size that the model leaves open.
#include "fuzz/target.h"
#include "passes/infer.h"
#include "passes/pipeline.h"
#include "runtime/binding.h"
#include "runtime/session.h"

namespace {

using namespace ow;

Status compile(const uint8_t* data, size_t size) {
  auto model = ONWARD_TRY(Model::load_bytes(fuzz::as_bytes(data, size)));
  const Model::Import imported = ONWARD_TRY(model->import());
  const std::shared_ptr<ir::Graph>& graph = imported.graph;
  ONWARD_TRY(infer_graph(*graph));
  constexpr Level kLevels[] = {Level::kFull, Level::kBasic, Level::kOff};
  ONWARD_TRY(run_pipeline(*graph, kLevels[fuzz::choice(data, size, 3)]));
  auto plan = ONWARD_TRY(compile_plan(graph, {.threads = 1}));
  std::vector<ir::Fact> facts;
  for (const PortInfo& port : imported.inputs) {
    ir::Fact& fact = facts.emplace_back();
    fact.type = port.type;
    if (fact.type.shape)
      for (Dim& d : *fact.type.shape)
        if (!d.is_constant()) d = Dim(2);
  }
  ONWARD_TRY(bind_shapes(*plan, facts));
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ow::Status status = compile(data, size);
  ONWARD_CHECK(status.code() != ow::Code::kInternal);
  return 0;
}
