#include "ops/op/widen.h"

#include <span>

#include "ir/schema.h"

namespace ow {
namespace {

std::span<const DType> wider_types(DType t) {
  static constexpr DType kFloats[] = {DType::kFloat32, DType::kFloat64};
  static constexpr DType kSigned[] = {DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64};
  static constexpr DType kUnsigned[] = {DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64,
                                        DType::kInt16, DType::kInt32,  DType::kInt64};
  static constexpr DType kComplex[] = {DType::kComplex128};
  static constexpr DType kTruth[] = {DType::kInt32};  // a sum is true where any term is
  if (is_floating(t)) return kFloats;
  if (is_signed_integer(t)) return kSigned;
  if (is_integer(t)) return kUnsigned;
  if (is_complex(t)) return kComplex;
  if (t == DType::kBool) return kTruth;
  return {};
}

// Whether input `param` of type `t` becomes `common`, the widest float of an operator of kOneFloat.
bool becomes_float(DType t, const SchemaParam& param, DType common) {
  return common != DType::kUndefined && (is_floating(t) || (is_integer(t) && param.allows(common)));
}

// The widest floating type that inputs in type variables are computed in; kUndefined if there is none.
DType widest_float(const Schema& schema, const std::vector<DType>& types, TypeMask native) {
  DType widest = DType::kUndefined;
  for (size_t i = 0; i < types.size(); ++i) {
    const SchemaParam* param = schema.input(i);
    if (!param || param->type_variable() < 0 || !is_floating(types[i])) continue;
    const DType wide = widened(types[i], native);
    if (bit_width(wide) > bit_width(widest)) widest = wide;
  }
  return widest;
}

}  // namespace

DType widened(DType t, TypeMask native) {
  if (native & type_bit(t)) return t;
  for (DType w : wider_types(t)) {
    // A wider signed type holds an unsigned one only with a bit to spare.
    const bool signed_for_unsigned = is_signed_integer(w) && !is_signed_integer(t) && is_integer(t);
    const bool fits = signed_for_unsigned ? bit_width(w) > bit_width(t) : bit_width(w) >= bit_width(t);
    if (fits && (native & type_bit(w))) return w;
  }
  return DType::kUndefined;
}

Widening plan_widening(const Op& op, const std::vector<DType>& types, size_t outputs) {
  Widening plan{std::vector<DType>(types.size(), DType::kUndefined),
                std::vector<DType>(outputs, DType::kUndefined)};
  if (op.traits.native == kAllTypes) return plan;
  const Schema* schema = find_schema(op.domain, op.name, newest_opset(op.domain));
  if (!schema) return plan;
  const DType common =
      op.traits.native & kOneFloat ? widest_float(*schema, types, op.traits.native) : DType::kUndefined;
  // Per type variable: what its tensors are, and what they become.
  std::vector<std::pair<DType, DType>> variables(schema->type_constraints().size());
  for (size_t i = 0; i < types.size(); ++i) {
    const SchemaParam* param = schema->input(i);
    if (!param || param->type_variable() < 0 || types[i] == DType::kUndefined) continue;
    const DType wide = becomes_float(types[i], *param, common) ? common : widened(types[i], op.traits.native);
    if (wide == DType::kUndefined || wide == types[i]) continue;
    plan.inputs[i] = wide;
    plan.needed = true;
    variables[static_cast<size_t>(param->type_variable())] = {types[i], wide};
  }
  if (!plan.needed) return plan;
  for (size_t o = 0; o < outputs; ++o) {
    const SchemaParam* param = schema->output(o);
    if (param && param->type_variable() >= 0)
      plan.outputs[o] = variables[static_cast<size_t>(param->type_variable())].first;
  }
  return plan;
}

Status check_input_types(const ir::Node& node, const std::vector<DType>& types) {
  const Schema* schema = find_schema(node.domain, node.op_type, newest_opset(node.domain));
  if (!schema) return {};
  std::vector<DType> variables(schema->type_constraints().size(), DType::kUndefined);
  for (size_t i = 0; i < types.size(); ++i) {
    const SchemaParam* param = schema->input(i);
    if (!param || types[i] == DType::kUndefined) continue;
    if (!param->allows(types[i]))
      return invalid_argument(node.label(), ": input ", i, " ('", param->name(), "') is of type ", types[i],
                              ", expected ", list_text(param->types().names(), "one of ", ""));
    if (param->type_variable() < 0 || (param->option() == ParamOption::kVariadic && !param->homogeneous()))
      continue;
    DType& variable = variables[static_cast<size_t>(param->type_variable())];
    if (variable != DType::kUndefined && variable != types[i])
      return invalid_argument(node.label(), ": input ", i, " ('", param->name(), "') is of type ", types[i],
                              ", expected ", variable, " like the inputs of that type before it");
    variable = types[i];
  }
  return {};
}

}  // namespace ow
