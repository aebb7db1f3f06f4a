// ReverseSequence: along time_axis, the first sequence_lens[b] elements of batch entry b in reverse order,
// the others as they are. One of the two axes is 0, the other 1.
#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t batch_axis = 1;
  int64_t time_axis = 0;
};

Result<Attrs> read(const AttrReader& a) {
  Attrs attrs{.batch_axis = a.integer("batch_axis", 1), .time_axis = a.integer("time_axis", 0)};
  if (attrs.batch_axis != 0 && attrs.batch_axis != 1) a.fail("batch_axis", "is neither 0 nor 1");
  if (attrs.time_axis != 1 - attrs.batch_axis) a.fail("time_axis", "is not the other one of axes 0 and 1");
  return attrs;
}

Status infer(const Attrs&, InferContext& c) {
  if (c.shape(0) && c.shape(0)->size() < 2)
    return c.error("input is ", list_text(*c.shape(0)), ", expected rank 2 or more");
  return infer_same(c);
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() < 2) return c.error("input has shape ", x.shape(), ", expected rank 2 or more");
  const auto lengths = ONWARD_TRY(read_ints(c, 1));
  const int64_t batches = x.dim(static_cast<size_t>(a.batch_axis)),
                times = x.dim(static_cast<size_t>(a.time_axis));
  if (static_cast<int64_t>(lengths.size()) != batches)
    return c.error("sequence_lens has ", lengths.size(), " values for ", batches, " batch entries");
  for (int64_t n : lengths)
    if (n < 0 || n > times) return c.error("a sequence length is ", n, ", expected 0 to ", times);
  auto offsets = ONWARD_TRY(c.scratch_of<int64_t>(x.dim(0) * x.dim(1)));
  const int64_t inner = x.shape().count(2, x.rank());
  for (int64_t i = 0; i < x.dim(0); ++i)
    for (int64_t j = 0; j < x.dim(1); ++j) {
      int64_t b = a.batch_axis == 0 ? i : j, t = a.batch_axis == 0 ? j : i;
      const int64_t n = lengths[static_cast<size_t>(b)];
      if (t < n) t = n - 1 - t;
      offsets[static_cast<size_t>(i * x.dim(1) + j)] =
          (a.batch_axis == 0 ? b * x.dim(1) + t : t * x.dim(1) + b) * inner;
    }
  Units from = ONWARD_TRY(units_of(c, x));
  MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), x.shape()));
  gather_units(c, y.units, from, offsets, inner);
  y.finish();
  return {};
}

}  // namespace

ONWARD_OPS(reverse_sequence) {
  return {op<Attrs>({.name = "ReverseSequence", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
