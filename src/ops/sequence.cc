// Sequences of tensors: SequenceConstruct, SequenceEmpty, SequenceAt, SequenceInsert, SequenceErase and
// SequenceLength. Sequences share their elements, which own their memory; positions count from the end where
// they are negative.
#include "ops/op/join.h"
#include "ops/op/op.h"

namespace ow {
namespace {

Result<const Sequence*> read_sequence(const RunContext& c, size_t i) {
  const Sequence* s = c.has(i) ? c.value(i).sequence() : nullptr;
  if (!s) return c.error("input ", i, " is no sequence");
  return s;
}

// The position input i holds, in [0, n), or `otherwise` if the input is omitted.
Result<int64_t> read_position(RunContext& c, size_t i, int64_t n, int64_t otherwise) {
  if (!c.has(i)) return otherwise;
  auto at = ONWARD_TRY(read_ints(c, i));
  auto index = at.size() == 1 ? checked_index(at[0], n) : std::nullopt;
  if (!index) return c.error("position is ", list_text(at), ", expected one value in [", -n, ", ", n, ")");
  return *index;
}

Status infer_construct(const NoAttrs&, InferContext& c) {
  ir::Type element;
  for (size_t i = 0; i < c.inputs(); ++i)
    if (c.has(i)) element = i == 0 ? c.type(i) : common_type(element, c.type(i));
  c.set(0, ir::Type::sequence(std::move(element)));
  return {};
}

Status run_construct(const NoAttrs&, RunContext& c) {
  Sequence items;
  for (size_t i = 0; i < c.inputs(); ++i) {
    if (c.in(i).dtype() != c.in(0).dtype())
      return c.error("input ", i, " is of type ", c.in(i).dtype(), ", expected ", c.in(0).dtype());
    items.push_back(ONWARD_TRY(c.value(i).owned(c.budget())));
  }
  c.set(0, Value(std::move(items)));
  return {};
}

struct EmptyAttrs {
  DType dtype = DType::kFloat32;
};
Result<EmptyAttrs> read_empty(const AttrReader& a) { return EmptyAttrs{a.dtype("dtype", DType::kFloat32)}; }
Status infer_empty(const EmptyAttrs& a, InferContext& c) {
  c.set(0, ir::Type::sequence(ir::Type::tensor(a.dtype)));
  return {};
}
Status run_empty(const EmptyAttrs&, RunContext& c) {
  c.set(0, Value(Sequence{}));
  return {};
}

Status infer_at(const NoAttrs&, InferContext& c) {
  if (c.type(0).element) c.set(0, *c.type(0).element);
  return {};
}

Status run_at(const NoAttrs&, RunContext& c) {
  const Sequence* s = ONWARD_TRY(read_sequence(c, 0));
  const auto n = static_cast<int64_t>(s->size());
  const int64_t at = ONWARD_TRY(read_position(c, 1, n, 0));
  c.set(0, (*s)[static_cast<size_t>(at)]);
  return {};
}

Status infer_insert(const NoAttrs&, InferContext& c) {
  const ir::Type& s = c.type(0);
  if (s.element && s.element->is_tensor() && s.element->dtype != DType::kUndefined &&
      c.dtype(1) != DType::kUndefined && s.element->dtype != c.dtype(1))
    return c.error("a tensor of type ", c.dtype(1), " does not fit into ", s);
  c.set(0, ir::Type::sequence(s.element ? common_type(*s.element, c.type(1)) : c.type(1)));
  return {};
}

Status run_insert(const NoAttrs&, RunContext& c) {
  const Sequence* s = ONWARD_TRY(read_sequence(c, 0));
  const auto n = static_cast<int64_t>(s->size());
  int64_t at = n;
  if (c.has(2)) {
    auto wanted = ONWARD_TRY(read_ints(c, 2));
    if (wanted.size() != 1 || wanted[0] < -n || wanted[0] > n)
      return c.error("position is ", list_text(wanted), ", expected one value in [", -n, ", ", n, "]");
    at = wanted[0] < 0 ? wanted[0] + n : wanted[0];
  }
  Sequence items = *s;
  items.insert(items.begin() + at, ONWARD_TRY(c.value(1).owned(c.budget())));
  c.set(0, Value(std::move(items)));
  return {};
}

Status infer_erase(const NoAttrs&, InferContext& c) { return infer_same(c); }

Status run_erase(const NoAttrs&, RunContext& c) {
  const Sequence* s = ONWARD_TRY(read_sequence(c, 0));
  const auto n = static_cast<int64_t>(s->size());
  if (n == 0) return c.error("the sequence is empty");
  Sequence items = *s;
  items.erase(items.begin() + ONWARD_TRY(read_position(c, 1, n, n - 1)));
  c.set(0, Value(std::move(items)));
  return {};
}

Status infer_length(const NoAttrs&, InferContext& c) {
  c.set(0, DType::kInt64, SymShape{});
  return {};
}

Status run_length(const NoAttrs&, RunContext& c) {
  const Sequence* s = ONWARD_TRY(read_sequence(c, 0));
  Tensor y = ONWARD_TRY(c.out(0, DType::kInt64, {}));
  y.mutable_data<int64_t>()[0] = static_cast<int64_t>(s->size());
  return {};
}

}  // namespace

ONWARD_OPS(sequence) {
  return {
      op<NoAttrs>({.name = "SequenceConstruct", .infer = infer_construct, .run = run_construct}),
      op<EmptyAttrs>({.name = "SequenceEmpty", .read = read_empty, .infer = infer_empty, .run = run_empty}),
      op<NoAttrs>({.name = "SequenceAt", .infer = infer_at, .run = run_at}),
      op<NoAttrs>({.name = "SequenceInsert", .infer = infer_insert, .run = run_insert}),
      op<NoAttrs>({.name = "SequenceErase", .infer = infer_erase, .run = run_erase}),
      op<NoAttrs>({.name = "SequenceLength", .infer = infer_length, .run = run_length})};
}

}  // namespace ow
