#include "ops/op/rewrite.h"

#include "tensor/convert.h"

namespace ow {

std::optional<std::vector<int64_t>> Rewriter::constants(const ir::Value* v) const {
  if (!v || !v->fact.elements) return std::nullopt;
  std::vector<int64_t> out;
  for (const Dim& d : *v->fact.elements) {
    if (!d.is_constant()) return std::nullopt;
    out.push_back(*d.constant());
  }
  return out;
}

Result<ir::Value*> Rewriter::add(std::string_view op_type, std::vector<ir::Value*> inputs,
                                 ir::Attributes attributes, std::string_view domain) {
  auto outputs = ONWARD_TRY(add_multi(op_type, std::move(inputs), 1, std::move(attributes), domain));
  return outputs[0];
}

Result<std::vector<ir::Value*>> Rewriter::add_multi(std::string_view op_type, std::vector<ir::Value*> inputs,
                                                    size_t outputs, ir::Attributes attributes,
                                                    std::string_view domain) {
  ir::Node* made = patch_.insert(&node_, op_type, domain, std::move(inputs), outputs, std::move(attributes));
  std::vector<ir::Value*> values = made->outputs();  // folding may take them away from the node
  if (infer_) ONWARD_TRY(infer_(*made));
  return values;
}

ir::Value* Rewriter::ints(const std::vector<int64_t>& values) {
  return patch_.constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

ir::Value* Rewriter::int_scalar(int64_t value) { return patch_.constant(Tensor::scalar(value)); }

Result<ir::Value*> Rewriter::scalar_like(const ir::Value* v, double value) {
  Tensor t = ONWARD_TRY(convert(Tensor::scalar(value), v->type().dtype));
  return patch_.constant(std::move(t));
}

Status Rewriter::replace(const std::vector<ir::Value*>& values) {
  const std::vector<ir::Value*> outputs = node_.outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i]) continue;
    if (i < values.size() && values[i])
      patch_.replace_uses(outputs[i], values[i]);
    else if (outputs[i]->is_used())
      return cannot("output ", i, " cannot be expressed");
  }
  patch_.erase(&node_);
  replaced_ = true;
  return {};
}

}  // namespace ow
