// Unique: the distinct elements of the flattened input, or the distinct slices along `axis`, with the index
// of each one's first occurrence, which of them every input element is, and how often each occurs. Sorted
// ascending (slices lexicographically), or in order of first occurrence.
#include <algorithm>
#include <cmath>
#include <complex>

#include "ops/op/move.h"
#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::optional<int64_t> axis;
  bool sorted = true;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.axis = a.has("axis") ? std::optional(a.integer("axis", 0)) : std::nullopt,
               .sorted = a.flag("sorted", true)};
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  const Dim n = Dim::unknown();
  Dim total = Dim::unknown();
  if (!a.axis) {
    c.set(0, c.dtype(0), SymShape{n});
    if (x) total = product(*x, 0, x->size());
  } else if (x) {
    const auto axis = static_cast<size_t>(ONWARD_TRY(c.axis(*a.axis, x->size())));
    SymShape shape = *x;
    total = shape[axis];
    shape[axis] = n;
    c.set(0, c.dtype(0), std::move(shape));
  } else {
    c.set(0, c.dtype(0), std::nullopt);
  }
  c.set(1, DType::kInt64, SymShape{n});
  c.set(2, DType::kInt64, SymShape{total});
  c.set(3, DType::kInt64, SymShape{n});
  return {};
}

// -1, 0 or 1; NaN comes last.
template <class T>
int compare(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) - std::isnan(b);
  return a < b ? -1 : b < a ? 1 : 0;
}
template <class T>
int compare(const std::complex<T>& a, const std::complex<T>& b) {
  const int real = compare(a.real(), b.real());
  return real ? real : compare(a.imag(), b.imag());
}

// The input as [outer, n, inner]: slice i of n.
struct Slices {
  int64_t outer, n, inner;
};

template <class T>
int compare_slices(const T* x, const Slices& s, int64_t i, int64_t j) {
  for (int64_t o = 0; o < s.outer; ++o) {
    const T *a = x + (o * s.n + i) * s.inner, *b = x + (o * s.n + j) * s.inner;
    for (int64_t k = 0; k < s.inner; ++k)
      if (int order = compare(a[k], b[k])) return order;
  }
  return 0;
}

struct Groups {
  std::vector<int64_t> first, counts, inverse;
};

// The groups in order of their first slices, not of their values.
Groups by_first_slice(const Groups& g) {
  std::vector<int64_t> by_first(g.first.size()), place(g.first.size());
  for (size_t i = 0; i < by_first.size(); ++i) by_first[i] = static_cast<int64_t>(i);
  std::sort(by_first.begin(), by_first.end(), [&](int64_t i, int64_t j) {
    return g.first[static_cast<size_t>(i)] < g.first[static_cast<size_t>(j)];
  });
  Groups out;
  for (size_t i = 0; i < by_first.size(); ++i) {
    const auto old = static_cast<size_t>(by_first[i]);
    out.first.push_back(g.first[old]);
    out.counts.push_back(g.counts[old]);
    place[old] = static_cast<int64_t>(i);
  }
  for (int64_t i : g.inverse) out.inverse.push_back(place[static_cast<size_t>(i)]);
  return out;
}

// compare(i, j): how slice i of n compares with slice j.
template <class Compare>
Groups group(int64_t n, bool sorted, const Compare& compare) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(i)] = i;
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return compare(i, j) < 0; });
  Groups g;
  g.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) {
      g.first.push_back(order[i]);
      g.counts.push_back(0);
    }
    ++g.counts.back();
    g.inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(g.first.size()) - 1;
  }
  return sorted ? g : by_first_slice(g);
}

template <class T>
int compare_stored(const std::byte* x, const Slices& s, int64_t i, int64_t j) {
  return compare_slices(reinterpret_cast<const T*>(x), s, i, j);
}
using CompareStored = int (*)(const std::byte* x, const Slices& s, int64_t i, int64_t j);

template <class... T>
CompareStored comparison(DType t) {
  CompareStored found = nullptr;
  ((t == dtype_of<T> ? (found = compare_stored<T>, true) : false) || ...);
  return found;
}

// One sort for all types, with a call for each comparison; float and int64 have sorts of their own.
std::optional<Groups> group_slices(const Tensor& x, const Slices& s, bool sorted) {
  const auto typed = [&]<class T>(const T* data) {
    return group(s.n, sorted, [&](int64_t i, int64_t j) { return compare_slices(data, s, i, j); });
  };
  if (x.dtype() == DType::kFloat32) return typed(x.data<float>());
  if (x.dtype() == DType::kInt64) return typed(x.data<int64_t>());
  const auto compare = comparison<double, int8_t, int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t,
                                  bool, std::string, std::complex<float>, std::complex<double>>(x.dtype());
  if (!compare) return std::nullopt;
  return group(s.n, sorted, [&, data = x.raw()](int64_t i, int64_t j) { return compare(data, s, i, j); });
}

Status write(RunContext& c, size_t o, const std::vector<int64_t>& values) {
  if (!c.wants(o)) return {};
  Tensor y = ONWARD_TRY(c.out(o, DType::kInt64, {static_cast<int64_t>(values.size())}));
  std::copy(values.begin(), values.end(), y.mutable_data<int64_t>());
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor x = a.axis ? c.in(0) : c.in(0).reshaped({c.in(0).count()});
  const auto axis = static_cast<size_t>(ONWARD_TRY(read_axis(c, a.axis.value_or(0), x.rank())));
  const Slices s{x.shape().count(0, axis), x.dim(axis), x.shape().count(axis + 1, x.rank())};
  auto g = group_slices(x, s, a.sorted);
  if (!g) return c.error("values of type ", x.dtype(), " have no order here");
  Shape shape = x.shape();
  shape[axis] = static_cast<int64_t>(g->first.size());
  if (c.wants(0)) {
    Units from = ONWARD_TRY(units_of(c, x));
    MoveOutput y = ONWARD_TRY(move_output(c, 0, x.dtype(), shape));
    std::vector<int64_t> offsets = g->first;
    for (int64_t& i : offsets) i *= s.inner;
    for (int64_t o = 0; o < s.outer; ++o)
      gather_units(c, y.units.at(o * shape[axis] * s.inner), from.at(o * s.n * s.inner), offsets, s.inner);
    y.finish();
  }
  ONWARD_TRY(write(c, 1, g->first));
  ONWARD_TRY(write(c, 2, g->inverse));
  return write(c, 3, g->counts);
}

}  // namespace

ONWARD_OPS(unique) {
  return {op<Attrs>(
      {.name = "Unique",
       .read = read,
       .infer = infer,
       .run = run,
       .native = types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                       uint64_t, bool, std::string, std::complex<float>, std::complex<double>>})};
}

}  // namespace ow
