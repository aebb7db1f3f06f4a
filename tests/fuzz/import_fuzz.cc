// The checker and the importer: bytes to onnx::Model to ir::Graph. A model that imports has no fatal finding
// of its own making: both must answer, with a status or findings, whatever the bytes.
#include "fuzz/target.h"
#include "onnx/file.h"
#include "passes/check/check.h"
#include "passes/import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ow::onnx::ReadLimits limits{.max_struct_bytes = 64 << 20};
  auto file = ow::onnx::load_bytes(ow::fuzz::as_bytes(data, size), {}, limits);
  if (!file.ok()) {
    ONWARD_CHECK(!ow::text(ow::unreadable_file(file.status())).empty());
    return 0;
  }
  for (const ow::Finding& f : ow::check_model(*file, {.full = true})) ONWARD_CHECK(!ow::text(f).empty());
  auto imported = ow::import_model(*file);
  if (imported.ok())
    ONWARD_CHECK(imported->graph->outputs().size() == imported->declared_outputs.size());
  else
    ONWARD_CHECK(imported.status().code() != ow::Code::kInternal && !imported.status().message().empty());
  return 0;
}
