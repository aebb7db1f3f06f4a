#include "compare.h"

#include <cmath>
#include <complex>

#include "base/text.h"
#include "tensor/convert.h"

namespace ow {
namespace {

bool close(double found, double expected, const Tolerance& t) {
  if (std::isnan(expected) || std::isnan(found)) return std::isnan(expected) && std::isnan(found);
  if (std::isinf(expected) || std::isinf(found)) return found == expected;
  return std::fabs(found - expected) <= t.absolute + t.relative * std::fabs(expected);
}

template <class T>
bool close(const std::complex<T>& found, const std::complex<T>& expected, const Tolerance& t) {
  if (found == expected) return true;
  const std::complex<double> f(found), e(expected);
  if (!std::isfinite(std::abs(f)) || !std::isfinite(std::abs(e)))
    return close(f.real(), e.real(), t) && close(f.imag(), e.imag(), t);
  return std::abs(f - e) <= t.absolute + t.relative * std::abs(e);
}

template <class T>
bool close(const T& found, const T& expected, const Tolerance&) {
  return found == expected;
}

template <class T>
double distance(const T& a, const T& b) {
  return std::fabs(static_cast<double>(a) - static_cast<double>(b));
}
template <class T>
double distance(const std::complex<T>& a, const std::complex<T>& b) {
  return std::abs(std::complex<double>(a) - std::complex<double>(b));
}

template <class T>
std::string element_text(const std::complex<T>& v) {
  return cat(double{v.real()}, "+", double{v.imag()}, "i");
}
template <class T>
std::string element_text(const T& v) {
  if constexpr (std::is_same_v<T, std::string>)
    return cat("'", printable(v), "'");
  else
    return cat(v);
}

template <class T>
Status compare_elements(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) {
  const T* f = found.data<T>();
  const T* e = expected.data<T>();
  int64_t wrong = 0, first = -1;
  double worst = 0;
  for (int64_t i = 0; i < expected.count(); ++i) {
    if (close(f[i], e[i], tolerance)) continue;
    if (wrong++ == 0) first = i;
    if constexpr (!std::is_same_v<T, std::string>) worst = std::fmax(worst, distance(f[i], e[i]));
  }
  if (wrong == 0) return {};
  return internal_error(wrong, " of ", expected.count(), " elements differ, by at most ", worst, "; element ",
                        first, " is ", element_text(f[first]), ", expected ", element_text(e[first]));
}

// Sub-byte integers as one byte an element; other integers are compared as they are.
Result<Tensor> widened(const Tensor& t) {
  if (is_floating(t.dtype())) return convert(t, DType::kFloat64);
  if (!is_sub_byte(t.dtype())) return t;
  return convert(t, is_signed_integer(t.dtype()) ? DType::kInt8 : DType::kUint8);
}

Status compare_dense(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) {
  const Tensor f = ONWARD_TRY(widened(found));
  const Tensor e = ONWARD_TRY(widened(expected));
  switch (e.dtype()) {
    case DType::kFloat64:
      return compare_elements<double>(f, e, tolerance);
    case DType::kComplex64:
      return compare_elements<std::complex<float>>(f, e, tolerance);
    case DType::kComplex128:
      return compare_elements<std::complex<double>>(f, e, tolerance);
    case DType::kString:
      return compare_elements<std::string>(f, e, tolerance);
    case DType::kBool:
      return compare_elements<bool>(f, e, tolerance);
    case DType::kInt8:
      return compare_elements<int8_t>(f, e, tolerance);
    case DType::kUint8:
      return compare_elements<uint8_t>(f, e, tolerance);
    case DType::kInt16:
      return compare_elements<int16_t>(f, e, tolerance);
    case DType::kUint16:
      return compare_elements<uint16_t>(f, e, tolerance);
    case DType::kInt32:
      return compare_elements<int32_t>(f, e, tolerance);
    case DType::kUint32:
      return compare_elements<uint32_t>(f, e, tolerance);
    case DType::kInt64:
      return compare_elements<int64_t>(f, e, tolerance);
    case DType::kUint64:
      return compare_elements<uint64_t>(f, e, tolerance);
    default:
      return unsupported("comparing elements of type ", e.dtype());
  }
}

Status compare_tensors(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) {
  if (found.dtype() != expected.dtype())
    return internal_error("element type is ", found.dtype(), ", expected ", expected.dtype());
  if (!(found.shape() == expected.shape()))
    return internal_error("shape is ", found.shape(), ", expected ", expected.shape());
  return compare_dense(ONWARD_TRY(found.owned()), expected, tolerance);
}

const char* kind(const Value& v) {
  return !v.has_value() ? "nothing"
         : v.tensor()   ? "a tensor"
         : v.sequence() ? "a sequence"
         : v.map()      ? "a map"
                        : "a sparse tensor";
}

Status compare_sequences(const Sequence& found, const Sequence& expected, const Tolerance& tolerance) {
  if (found.size() != expected.size())
    return internal_error("a sequence of ", found.size(), " items, expected ", expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    ONWARD_TRY(compare(found[i], expected[i], tolerance).context(cat("item ", i)));
  return {};
}

}  // namespace

Status compare(const Value& found, const Value& expected, const Tolerance& tolerance) {
  if (std::string_view(kind(found)) != kind(expected))
    return internal_error(kind(found), ", expected ", kind(expected));
  if (expected.tensor()) return compare_tensors(*found.tensor(), *expected.tensor(), tolerance);
  if (expected.sequence()) return compare_sequences(*found.sequence(), *expected.sequence(), tolerance);
  if (!expected.has_value()) return {};
  return unsupported("comparing ", kind(expected));
}

}  // namespace ow
