#include "ops/op/stored_weights.h"

#include <algorithm>

#include "ops/op/attributes.h"

namespace ow {

bool packs_unaligned(const ir::Node& node, size_t input) {
  if (!node.domain.empty() && node.domain != "onward") return false;
  const auto is = [&](auto... names) { return ((node.op_type == names) || ...); };
  if (is("Conv", "ConvTranspose", "MatMul", "Gemm")) return input == 1;
  if (is("LSTM", "GRU", "RNN")) return input == 1 || input == 2;
  return is("ConvDepthwise") && (input == 1 || input == 3);
}

// Rows are copied byte by byte; single elements are not.
bool runs_unaligned(const ir::Node& node, size_t input) {
  if (!node.is("Gather") || input != 0) return false;
  const auto& shape = node.input(0)->type().shape;
  if (!shape || shape->size() < 2 || AttrReader(node).integer("axis", 0) != 0) return false;
  const auto sizes = concrete(*shape);
  return sizes && sizes->count(1, sizes->rank()) > 1;
}

bool may_stay_unaligned(const ir::Value& v) {
  return v.output_uses() == 0 && std::all_of(v.uses().begin(), v.uses().end(), [](const auto& use) {
           const auto input = static_cast<size_t>(use.input_index);
           return packs_unaligned(*use.node, input) || runs_unaligned(*use.node, input);
         });
}

}  // namespace ow
