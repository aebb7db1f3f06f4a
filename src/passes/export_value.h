// The parts of export that need no graph: payloads, types, plain attributes, and which opset a node needs.
#pragma once
#include <functional>

#include "ir/graph.h"
#include "ir/schema.h"
#include "passes/export.h"

namespace ow {

// Views of texts that live as long as `out.file`, of payloads that live as long as `out`.
Result<onnx::Tensor> export_tensor(const Tensor& tensor, ExportedModel& out);
// nullopt: nothing is known, so nothing can be said. `with_shape` false: the element types alone.
std::optional<onnx::Type> export_type(const ir::Type& type, bool with_shape, onnx::ModelFile& file);

using ExportGraph = std::function<Result<onnx::Graph>(const ir::Graph&)>;
// `type` is the attribute's type by its schema, for values that do not show one (an empty list).
Result<onnx::Attribute> export_attribute(std::string_view name, const ir::Attribute& value,
                                         AttributeType type, ExportedModel& out, const ExportGraph& graph);

// The oldest opset of its domain in which `node` says what it says in the newest one. Versions count as equal
// where they differ in more types, more optional inputs or more attributes with defaults, none of which the
// node uses; a few that changed their meaning in other ways are known by name.
int64_t oldest_opset(const ir::Node& node, const Schema& newest);

}  // namespace ow
