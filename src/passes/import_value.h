// The parts of import that need no graph: payloads, types, plain attributes.
#pragma once
#include <memory>

#include "ir/attribute.h"
#include "onnx/file.h"

namespace ow {

// The attribute's type tag, or the type that its fields show where the tag is missing (IR version 1).
int32_t attribute_type(const onnx::Attribute& a);
// Any attribute but graphs and references.
Result<ir::Attribute> import_plain_attribute(const onnx::Attribute& a,
                                             const std::shared_ptr<onnx::ModelFile>& file);
Result<SparseValue> import_sparse(const onnx::SparseTensor& proto,
                                  const std::shared_ptr<onnx::ModelFile>& file);
Result<Tensor> densify(const SparseValue& sparse);

}  // namespace ow
