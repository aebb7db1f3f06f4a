#include "tools/difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "tensor/convert.h"
#include "tools/npy.h"
#include "tools/tensor_file.h"

namespace onward::tools {
namespace {

// All elements of two values in step, as doubles; text as equal or not.
struct Elements {
  std::vector<double> found, expected;
  uint64_t texts = 0, unequal_texts = 0;
  bool exact = true;  // no floating-point numbers on either side
  bool same_type = true;
  std::string problem;
};

template <class T>
void append(const NpyArray& array, std::vector<double>& out) {
  for (size_t i = 0; i + sizeof(T) <= array.bytes.size(); i += sizeof(T)) {
    T v;
    std::memcpy(&v, &array.bytes[i], sizeof v);
    out.push_back(static_cast<double>(v));
  }
}

// False for text. A complex number is two elements.
bool append_doubles(const NpyArray& array, std::vector<double>& out) {
  switch (array.dtype) {
    case ONWARD_FLOAT32:
    case ONWARD_COMPLEX64:
      append<float>(array, out);
      return true;
    case ONWARD_FLOAT64:
    case ONWARD_COMPLEX128:
      append<double>(array, out);
      return true;
    case ONWARD_INT8:
      append<int8_t>(array, out);
      return true;
    case ONWARD_INT16:
      append<int16_t>(array, out);
      return true;
    case ONWARD_INT32:
      append<int32_t>(array, out);
      return true;
    case ONWARD_INT64:
      append<int64_t>(array, out);
      return true;
    case ONWARD_BOOL:
    case ONWARD_UINT8:
      append<uint8_t>(array, out);
      return true;
    case ONWARD_UINT16:
      append<uint16_t>(array, out);
      return true;
    case ONWARD_UINT32:
      append<uint32_t>(array, out);
      return true;
    case ONWARD_UINT64:
      append<uint64_t>(array, out);
      return true;
    case ONWARD_FLOAT16:
      for (size_t i = 0; i + 2 <= array.bytes.size(); i += 2) {
        uint16_t bits;
        std::memcpy(&bits, &array.bytes[i], 2);
        out.push_back(ow::decode_narrow(bits, ow::DType::kFloat16));
      }
      return true;
    default:
      return false;
  }
}

// 64-bit integers that differ, though their nearest doubles do not.
void part_wide_integers(const NpyArray& found, const NpyArray& expected, size_t start, Elements& out) {
  if (found.dtype != expected.dtype || (found.dtype != ONWARD_INT64 && found.dtype != ONWARD_UINT64)) return;
  for (size_t i = 0; start + i < out.found.size(); ++i)
    if (out.found[start + i] == out.expected[start + i] &&
        std::memcmp(&found.bytes[8 * i], &expected.bytes[8 * i], 8) != 0)
      out.found[start + i] = std::nextafter(out.found[start + i], INFINITY);
}

void collect_tensors(const Value& found, const Value& expected, Elements& out) {
  const NpyArray f = npy_from_tensor(found), e = npy_from_tensor(expected);
  if (f.dtype == ONWARD_STRING || e.dtype == ONWARD_STRING) {
    if (f.dtype != e.dtype) {
      out.problem = "one is text, the other is numbers";
      return;
    }
    out.texts += f.strings.size();
    for (size_t i = 0; i < f.strings.size(); ++i) out.unequal_texts += f.strings[i] != e.strings[i];
    return;
  }
  const auto floating = [](const Value& v) {
    const auto t = static_cast<ow::DType>(v.dtype());
    return ow::is_floating(t) || ow::is_complex(t);
  };
  out.exact &= !floating(found) && !floating(expected);
  out.same_type &= found.dtype() == expected.dtype();
  const size_t start = out.found.size();
  if (!append_doubles(f, out.found) || !append_doubles(e, out.expected) ||
      out.found.size() != out.expected.size()) {
    out.problem = "the element types cannot be compared";
    return;
  }
  part_wide_integers(f, e, start, out);
}

void collect(const Datum& found, const Datum& expected, const std::string& at, Elements& out) {
  const std::string where = at.empty() ? "" : at + ": ";
  if (found.kind != expected.kind) {
    out.problem = where + "is " + datum_text(found) + ", expected " + datum_text(expected);
  } else if (found.kind == ONWARD_TENSOR) {
    const auto a = found.tensor.shape(), b = expected.tensor.shape();
    if (!std::equal(a.begin(), a.end(), b.begin(), b.end()))
      out.problem = where + "shape is " + datum_text(found) + ", expected " + datum_text(expected);
    else
      collect_tensors(found.tensor, expected.tensor, out);
  } else if (found.items.size() != expected.items.size()) {
    out.problem = where + "has " + std::to_string(found.items.size()) + " items, expected " +
                  std::to_string(expected.items.size());
  } else if (found.keys != expected.keys) {
    out.problem = where + "has other keys";
  } else if (found.kind == ONWARD_SPARSE_TENSOR) {
    out.problem = where + "sparse tensors are not compared";
  }
  for (size_t i = 0; out.problem.empty() && i < found.items.size(); ++i)
    collect(found.items[i], expected.items[i],
            at + "[" + (found.keys.empty() ? std::to_string(i) : found.keys[i]) + "]", out);
}

double nan_safe_ratio(double a, double b) { return b > 0 ? a / b : a > 0 ? INFINITY : 0; }

void measure(const Elements& x, const Gate& gate, Difference& d) {
  double expected2 = 0, found2 = 0, dot = 0, squares = 0;
  d.count = x.found.size() + x.texts;
  d.mismatched = x.unequal_texts;
  for (size_t i = 0; i < x.found.size(); ++i) {
    const double f = x.found[i], e = x.expected[i];
    const bool finite_f = std::isfinite(f), finite_e = std::isfinite(e);
    d.non_finite_found += !finite_f;
    d.non_finite_expected += !finite_e;
    if (!finite_f || !finite_e) {
      const bool same = f == e || (std::isnan(f) && std::isnan(e));
      d.non_finite_mismatched += !same;
      d.mismatched += !same;
      continue;
    }
    const double a = std::abs(f - e);
    if (a > d.max_abs) d.max_abs = a, d.worst = i, d.worst_found = f, d.worst_expected = e;
    if (a > 0) d.max_rel = std::max(d.max_rel, nan_safe_ratio(a, std::abs(e)));
    d.l1 += a;
    squares += a * a;
    expected2 += e * e;
    found2 += f * f;
    dot += f * e;
    d.mismatched += x.exact ? a > (gate.atol >= 1 ? gate.atol : 0) : a > gate.atol + gate.rtol * std::abs(e);
  }
  d.l2 = std::sqrt(squares);
  d.rel_l2 = nan_safe_ratio(d.l2, std::sqrt(expected2));
  const double norms = std::sqrt(found2) * std::sqrt(expected2);
  d.cosine = norms > 0 ? std::clamp(dot / norms, -1.0, 1.0) : (found2 == expected2 ? 1 : 0);
}

// The places of the k largest of a row, largest first; the first one wins among equals.
std::vector<size_t> largest(const double* row, size_t n, size_t k) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&](size_t a, size_t b) { return row[a] > row[b] || (row[a] == row[b] && a < b); };
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(k), order.end(), before);
  order.resize(k);
  return order;
}

void agreement(const Datum& expected, const Elements& x, Difference& d) {
  constexpr size_t kTop = 5, kMostClasses = 1 << 20;
  if (expected.kind != ONWARD_TENSOR || x.exact || x.texts) return;
  const auto shape = expected.tensor.shape();
  const bool scores = (shape.size() == 1 || shape.size() == 2) && shape.back() >= 2 &&
                      static_cast<size_t>(shape.back()) <= kMostClasses &&
                      d.non_finite_found + d.non_finite_expected == 0;
  if (!scores || x.found.size() != expected.tensor.count()) return;
  const auto classes = static_cast<size_t>(shape.back());
  d.rows = shape.size() == 1 ? 1 : static_cast<uint64_t>(shape[0]);
  d.top_k = std::min(kTop, classes);
  uint64_t common = 0;
  for (size_t r = 0; r < d.rows; ++r) {
    auto a = largest(&x.found[r * classes], classes, d.top_k);
    auto b = largest(&x.expected[r * classes], classes, d.top_k);
    d.same_argmax += a[0] == b[0];
    for (size_t place : a) common += std::count(b.begin(), b.end(), place) > 0;
  }
  d.same_top_k = d.rows ? static_cast<double>(common) / static_cast<double>(d.rows * d.top_k) : 1;
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", v);
  return text;
}

std::string verdict(const Difference& d, const Gate& gate) {
  if (!d.problem.empty()) return d.problem;
  if (d.non_finite_mismatched)
    return std::to_string(d.non_finite_mismatched) + " elements are NaN or infinite on one side only";
  const double part = d.count ? static_cast<double>(d.mismatched) / static_cast<double>(d.count) : 0;
  // A bound on the whole tensor replaces the one on single elements, which a few outliers would break.
  const bool whole = gate.max_rel_l2 || gate.min_cosine || gate.max_abs;
  if (!whole && part > gate.max_mismatched)
    return std::to_string(d.mismatched) + " of " + std::to_string(d.count) + " elements are out of tolerance";
  if (gate.max_rel_l2 && !(d.rel_l2 <= *gate.max_rel_l2))
    return "relative L2 is " + number(d.rel_l2) + ", more than " + number(*gate.max_rel_l2);
  if (gate.min_cosine && !(d.cosine >= *gate.min_cosine))
    return "cosine is " + number(d.cosine) + ", less than " + number(*gate.min_cosine);
  if (gate.max_abs && !(d.max_abs <= *gate.max_abs))
    return "max abs is " + number(d.max_abs) + ", more than " + number(*gate.max_abs);
  return "";
}

}  // namespace

Difference difference_of(const std::string& name, const Datum& found, const Datum& expected,
                         const Gate& gate) {
  Difference d;
  d.name = name;
  d.found_type = datum_text(found);
  d.expected_type = datum_text(expected);
  Elements x;
  collect(found, expected, "", x);
  d.problem = x.problem;
  d.same_type = x.same_type;
  if (d.problem.empty()) {
    measure(x, gate, d);
    agreement(expected, x, d);
  }
  d.failed = verdict(d, gate);
  return d;
}

nlohmann::ordered_json to_json(const Difference& d) {
  const auto real = [](double v) {
    return std::isfinite(v) ? nlohmann::ordered_json(v) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json out = {
      {"name", d.name},        {"passed", d.passed()},        {"failed_because", d.failed},
      {"found", d.found_type}, {"expected", d.expected_type}, {"same_type", d.same_type}};
  if (!d.problem.empty()) return out;
  out.update({{"elements", d.count},
              {"mismatched", d.mismatched},
              {"max_abs", real(d.max_abs)},
              {"max_rel", real(d.max_rel)},
              {"l1", real(d.l1)},
              {"l2", real(d.l2)},
              {"rel_l2", real(d.rel_l2)},
              {"cosine", real(d.cosine)},
              {"non_finite_found", d.non_finite_found},
              {"non_finite_expected", d.non_finite_expected},
              {"non_finite_mismatched", d.non_finite_mismatched},
              {"worst_index", d.worst},
              {"worst_found", real(d.worst_found)},
              {"worst_expected", real(d.worst_expected)}});
  if (d.rows)
    out.update(
        {{"rows", d.rows}, {"same_argmax", d.same_argmax}, {"top_k", d.top_k}, {"same_top_k", d.same_top_k}});
  return out;
}

}  // namespace onward::tools
