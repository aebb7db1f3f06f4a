#include "ops/op/run.h"

#include "base/checked.h"

namespace ow {

Result<std::vector<int64_t>> read_ints(const RunContext& c, size_t i) {
  const Tensor& t = c.in(i);
  if (t.rank() > 1) return c.error("input ", i, " has shape ", t.shape(), ", expected rank 0 or 1");
  std::vector<int64_t> out(static_cast<size_t>(t.count()));
  auto copy = [&]<class T>(T) { std::copy(t.data<T>(), t.data<T>() + t.count(), out.begin()); };
  switch (t.dtype()) {
    case DType::kInt64:
      copy(int64_t{});
      break;
    case DType::kInt32:
      copy(int32_t{});
      break;
    case DType::kBool:
      copy(bool{});
      break;
    default:
      return c.error("input ", i, " is of type ", t.dtype(), ", expected int64 or int32");
  }
  return out;
}

Result<int64_t> read_axis(const RunContext& c, int64_t axis, size_t rank) {
  auto i = checked_index(axis, static_cast<int64_t>(rank));
  if (!i)
    return c.error("axis is ", axis, ", expected a value in [", -static_cast<int64_t>(rank), ", ", rank, ")");
  const auto places = c.axis_places();
  return places.size() == rank ? places[static_cast<size_t>(*i)] : *i;
}

}  // namespace ow
