#include "ops/op/gradient.h"

#include "tensor/convert.h"

namespace ow {

ir::Value* GradientContext::op(std::string_view op_type, std::vector<ir::Value*> inputs,
                               ir::Attributes attributes) {
  if (!status_.ok()) return nullptr;
  auto made = rewriter_.add(op_type, std::move(inputs), std::move(attributes));
  if (made.ok()) return *made;
  status_ = made.take_status().context(cat("the derivative of ", node_.label()));
  return nullptr;
}

std::vector<ir::Value*> GradientContext::all_outputs() {
  return ops(node_.op_type, inputs_, outputs_.size(), node_.attributes);
}

std::vector<ir::Value*> GradientContext::ops(std::string_view op_type, std::vector<ir::Value*> inputs,
                                             size_t outputs, ir::Attributes attributes) {
  if (!status_.ok()) return {};
  auto made = rewriter_.add_multi(op_type, std::move(inputs), outputs, std::move(attributes));
  if (made.ok()) return *std::move(made);
  status_ = made.take_status();
  return {};
}

ir::Value* GradientContext::number(ir::Value* v, double value) {
  if (!status_.ok()) return nullptr;
  auto made = rewriter_.scalar_like(v, value);
  if (made.ok()) return *made;
  status_ = made.take_status();
  return nullptr;
}

ir::Value* GradientContext::reshaped_to(ir::Value* v, ir::Value* like) {
  return op("Reshape", {v, shape_of(like)}, {{"allowzero", int64_t{1}}});
}

ir::Value* GradientContext::filled(double value, ir::Value* like) {
  return op("Expand", {number(like, value), shape_of(like)});
}

std::optional<size_t> GradientContext::rank(const ir::Value* v) const {
  const SymShape* shape = rewriter_.shape(v);
  return shape ? std::optional(shape->size()) : std::nullopt;
}

// Whether the shapes alone say along which axes of v `like` was repeated.
bool GradientContext::are_known(const ir::Value* v, const ir::Value* like, std::vector<int64_t>& axes) const {
  const SymShape *from = rewriter_.shape(v), *to = rewriter_.shape(like);
  if (!from || !to || from->size() < to->size()) return false;
  const size_t missing = from->size() - to->size();
  for (size_t i = 0; i < from->size(); ++i) {
    if (i < missing) {
      axes.push_back(static_cast<int64_t>(i));
      continue;
    }
    const Dim &d = (*from)[i], &original = (*to)[i - missing];
    if (d == original) continue;
    if (!original.is_constant()) return false;
    if (original.is(1)) axes.push_back(static_cast<int64_t>(i));
  }
  return true;
}

ir::Value* GradientContext::summed_to(ir::Value* v, ir::Value* like) {
  if (!status_.ok()) return nullptr;
  std::vector<int64_t> known;
  if (are_known(v, like, known)) {
    if (known.empty()) return v;
    ir::Value* sum = op("ReduceSum", {v, ints(known)});
    return rank(v) == rank(like) ? sum : reshaped_to(sum, like);
  }
  ir::Value *from = shape_of(v), *to = shape_of(like);
  ir::Value* missing = sub(shape_of(from), shape_of(to));
  const Tensor one = Tensor::of<int64_t>({1}, std::vector<int64_t>{1});
  ir::Value* padded =
      op("Concat", {op("ConstantOfShape", {missing}, {{"value", Value(one)}}), to}, {{"axis", int64_t{0}}});
  ir::Value* repeated =
      op("And", {op("Equal", {padded, ints({1})}), op("Not", {op("Equal", {from, ints({1})})})});
  ir::Value* axes = op("Reshape", {op("NonZero", {repeated}), ints({-1})});
  ir::Value* sum = op("ReduceSum", {v, axes}, {{"noop_with_empty_axes", int64_t{1}}});
  return op("Reshape", {sum, to}, {{"allowzero", int64_t{1}}});
}

}  // namespace ow
