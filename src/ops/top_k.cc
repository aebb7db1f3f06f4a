// TopK: the k largest (or smallest) elements along `axis`, and their indices. Of equal elements the one with
// the lower index comes first; NaN counts as larger than every number. Without `sorted` any order is allowed;
// it is the sorted one. Opset 1 has k as an attribute.
#include <algorithm>
#include <cmath>

#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  int64_t axis = -1;
  bool largest = true;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.axis = a.integer("axis", -1), .largest = a.flag("largest", true)};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, c.dtype(0), std::nullopt);
    c.set(1, DType::kInt64, std::nullopt);
    return {};
  }
  const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(a.axis, x->size())));
  SymShape shape = *x;
  const auto* k = c.elements(1);
  const Dim wanted = k && k->size() == 1 ? (*k)[0] : Dim::unknown();
  if (wanted.is_constant() &&
      (*wanted.constant() < 0 || (shape[axis].is_constant() && *wanted.constant() > *shape[axis].constant())))
    return c.error("k is ", wanted, " for an axis of extent ", shape[axis]);
  shape[axis] = wanted;
  c.set(0, c.dtype(0), shape);
  c.set(1, DType::kInt64, std::move(shape));
  return {};
}

Status upgrade(Rewriter& c) {
  if (c.since_version() >= 10) return {};
  c.set_input(1, c.ints({AttrReader(c.node()).required_integer("k")}));
  c.remove_attribute("k");
  return {};
}

template <class T>
bool greater(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && !std::isnan(b);
  return a > b;
}

// Whether a comes before b by value; NaN is the largest.
template <class T>
bool goes_before(T a, T b, bool largest) {
  return largest ? greater(a, b) : greater(b, a);
}

// Whether any of 16 neighbours may come before `last`: at least wherever one does.
template <class T>
bool any_before(const T* x, T last, bool largest) {
  int any = 0;
  if (largest)
    for (int j = 0; j < 16; ++j) any |= !(x[j] <= last);
  else
    for (int j = 0; j < 16; ++j) any |= !(x[j] >= last);
  return any != 0;
}

// One line of n elements, `stride` apart: the indices of the first k, 0 < k <= n, at the front of `order`.
// `order` holds candidates; once there are twice k of them, the best k stay, and from then on an element
// has to come before the last of these by its value: of equal ones those with the lower index are there.
template <class T>
void select_line(const T* x, int64_t n, int64_t stride, int64_t k, bool largest,
                 std::vector<int64_t>& order) {
  auto before = [&](int64_t i, int64_t j) {
    const T a = x[i * stride], b = x[j * stride];
    if (goes_before(a, b, largest)) return true;
    return !goes_before(b, a, largest) && i < j;
  };
  const auto wanted = static_cast<std::ptrdiff_t>(k), room = static_cast<std::ptrdiff_t>(2 * k + 64);
  order.clear();
  bool full = false;
  T last{};
  auto keep_best = [&] {
    if (order.size() <= static_cast<size_t>(k)) return;
    std::nth_element(order.begin(), order.begin() + wanted - 1, order.end(), before);
    order.resize(static_cast<size_t>(k));
    last = x[order.back() * stride];
    full = true;
  };
  for (int64_t i = 0; i < n;) {
    if (full && stride == 1 && i + 16 <= n && !any_before(x + i, last, largest)) {
      i += 16;
      continue;
    }
    const int64_t end = std::min(i + 16, n);
    for (; i < end; ++i)
      if (!full || goes_before(x[i * stride], last, largest)) order.push_back(i);
    if (static_cast<std::ptrdiff_t>(order.size()) >= room) keep_best();
  }
  keep_best();
  std::sort(order.begin(), order.end(), before);
}

// Lines [begin, end) of x seen as [outer, n, inner]; `values` and `indices` may be null.
struct Lines {
  int64_t n, inner, k, begin, end;
  bool largest;
  int64_t* indices;
};
using Select = void (*)(const std::byte* x, const Lines& l, std::byte* values);

// Small integers are looked at as int32: a line of them is converted first.
template <class T>
using Compared = std::conditional_t<(sizeof(T) < 4), int32_t, T>;

template <class T>
void select_lines(const std::byte* x, const Lines& l, std::byte* values) {
  constexpr bool kConverts = !std::is_same_v<T, Compared<T>>;
  std::vector<int64_t> order;
  std::vector<Compared<T>> converted(kConverts ? static_cast<size_t>(l.n) : 0);
  for (int64_t line = l.begin; line < l.end; ++line) {
    const T* from = reinterpret_cast<const T*>(x) + line / l.inner * l.n * l.inner + line % l.inner;
    if constexpr (kConverts) {
      for (int64_t i = 0; i < l.n; ++i) converted[static_cast<size_t>(i)] = from[i * l.inner];
      select_line(converted.data(), l.n, 1, l.k, l.largest, order);
    } else {
      select_line(from, l.n, l.inner, l.k, l.largest, order);
    }
    const int64_t to = line / l.inner * l.k * l.inner + line % l.inner;
    for (int64_t i = 0; i < l.k; ++i) {
      const int64_t index = order[static_cast<size_t>(i)];
      if (values) reinterpret_cast<T*>(values)[to + i * l.inner] = from[index * l.inner];
      if (l.indices) l.indices[to + i * l.inner] = index;
    }
  }
}

template <class... T>
Select select_of(DType t) {
  Select found = nullptr;
  ((t == dtype_of<T> ? (found = select_lines<T>, true) : false) || ...);
  return found;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const Select select =
      select_of<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(
          x.dtype());
  if (!select) return c.error("values of type ", x.dtype(), " have no order here");
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis, x.rank())));
  const auto wanted = ONWARD_TRY(read_ints(c, 1));
  const int64_t n = x.dim(axis), k = wanted.size() == 1 ? wanted[0] : -1;
  if (k < 0 || k > n) return c.error("k is ", list_text(wanted), " for an axis of extent ", n);
  Shape shape = x.shape();
  shape[axis] = k;
  Tensor values, indices;
  if (c.wants(0)) values = ONWARD_TRY(c.out(0, x.dtype(), shape));
  if (c.wants(1)) indices = ONWARD_TRY(c.out(1, DType::kInt64, shape));
  if (k == 0 || x.count() == 0) return {};
  const int64_t outer = shape.count(0, axis), inner = shape.count(axis + 1, shape.rank());
  std::byte* to = values.has_value() ? values.mutable_raw() : nullptr;
  int64_t* to_indices = indices.has_value() ? indices.mutable_data<int64_t>() : nullptr;
  c.parallel_for(outer * inner, std::max<int64_t>(1, 4096 / n), [&](int64_t begin, int64_t end) {
    select(x.raw(), {n, inner, k, begin, end, a.largest, to_indices}, to);
  });
  return {};
}

}  // namespace

ONWARD_OPS(top_k) {
  return {op<Attrs>(
      {.name = "TopK",
       .read = read,
       .infer = infer,
       .upgrade = upgrade,
       .run = run,
       .native =
           types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>,
       .shape_inputs = 2})};
}

}  // namespace ow
