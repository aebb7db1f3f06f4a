// Every narrow float is described by one row (exponent bits, mantissa bits, bias, special values); encoding
// and decoding are generic over the row. A conversion between two types goes: widen to a C++ arithmetic type,
// convert, narrow. Double to narrow rounds to odd on the way through float, which keeps the final rounding
// right.
#include "tensor/convert.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/alignment.h"
#include "tensor/build_types.h"

namespace ow {
namespace {

struct Format {
  int exponent_bits, mantissa_bits, bias;
  bool has_inf;  // the top exponent means inf/NaN
  bool fnuz;     // no negative zero; its bit pattern is the only NaN
  uint16_t nan;  // pattern of a NaN (positive)
  uint16_t max;  // pattern of the largest finite value
};

constexpr Format kHalf{5, 10, 15, true, false, 0x7e00, 0x7bff};
constexpr Format kBrain{8, 7, 127, true, false, 0x7fc0, 0x7f7f};
constexpr Format kE4M3FN{4, 3, 7, false, false, 0x7f, 0x7e};
constexpr Format kE4M3FNUZ{4, 3, 8, false, true, 0x80, 0x7f};
constexpr Format kE5M2{5, 2, 15, true, false, 0x7e, 0x7b};
constexpr Format kE5M2FNUZ{5, 2, 16, false, true, 0x80, 0x7f};
constexpr Format kE2M1{2, 1, 1, false, false, 0x7, 0x7};  // has no NaN

const Format& format(DType t) {
  switch (t) {
    case DType::kFloat16:
      return kHalf;
    case DType::kBfloat16:
      return kBrain;
    case DType::kFloat8E4M3FN:
      return kE4M3FN;
    case DType::kFloat8E4M3FNUZ:
      return kE4M3FNUZ;
    case DType::kFloat8E5M2:
      return kE5M2;
    case DType::kFloat8E5M2FNUZ:
      return kE5M2FNUZ;
    default:
      return kE2M1;
  }
}

bool is_nan(uint16_t magnitude, uint16_t bits, const Format& f) {
  if (f.fnuz) return bits == f.nan;
  if (f.has_inf) return magnitude > (((1u << f.exponent_bits) - 1) << f.mantissa_bits);
  return f.mantissa_bits > 1 && magnitude == f.nan;
}

float decode(uint16_t bits, const Format& f) {
  const int width = f.exponent_bits + f.mantissa_bits;
  const bool negative = (bits >> width) & 1;
  const uint16_t magnitude = bits & static_cast<uint16_t>((1u << width) - 1);
  if (is_nan(magnitude, bits, f)) return std::numeric_limits<float>::quiet_NaN();
  const int exponent = magnitude >> f.mantissa_bits;
  const int mantissa = magnitude & ((1 << f.mantissa_bits) - 1);
  float value;
  if (f.has_inf && exponent == (1 << f.exponent_bits) - 1)
    value = std::numeric_limits<float>::infinity();
  else if (exponent == 0)
    value = std::ldexp(static_cast<float>(mantissa), 1 - f.bias - f.mantissa_bits);
  else
    value =
        std::ldexp(static_cast<float>(mantissa | 1 << f.mantissa_bits), exponent - f.bias - f.mantissa_bits);
  return negative ? -value : value;
}

uint16_t encode(float v, const Format& f, bool saturate) {
  const int width = f.exponent_bits + f.mantissa_bits;
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  const auto sign = static_cast<uint16_t>((bits >> 31) << width);
  // float4e2m1 has no NaN; as in ml_dtypes, it becomes minus zero.
  if (std::isnan(v) && &f == &kE2M1) return 0x8;
  if (std::isnan(v)) return f.fnuz ? f.nan : static_cast<uint16_t>(sign | f.nan);
  const auto overflow = [&]() -> uint16_t {
    const bool narrow = width < 15;
    if (narrow && saturate) return static_cast<uint16_t>(sign | f.max);
    if (f.has_inf) return static_cast<uint16_t>(sign | ((1u << f.exponent_bits) - 1) << f.mantissa_bits);
    if (&f == &kE2M1) return static_cast<uint16_t>(sign | f.max);
    return f.fnuz ? f.nan : static_cast<uint16_t>(sign | f.nan);
  };
  if (std::isinf(v)) return overflow();
  // The result counts units of the last place at the value's exponent, or of the smallest subnormal.
  const uint32_t magnitude = bits & 0x7fffffff;
  int exponent = static_cast<int>(magnitude >> 23) - 127;
  uint32_t mantissa = magnitude & 0x7fffff;
  if (magnitude >> 23)
    mantissa |= 0x800000;
  else
    exponent = -126;
  const int target = exponent + f.bias;  // biased exponent in the new format
  const int shift = 23 - f.mantissa_bits + (target < 1 ? 1 - target : 0);
  uint32_t code;
  if (shift > 25) {
    code = 0;
  } else {
    const uint32_t kept = shift == 0 ? mantissa : mantissa >> shift;
    const uint32_t rest = shift == 0 ? 0 : mantissa & ((1u << shift) - 1),
                   half = shift == 0 ? 1 : 1u << (shift - 1);
    code = kept + (rest > half || (rest == half && shift != 0 && (kept & 1)));
    // A carry moves into the exponent by itself; the implicit bit is dropped for normal numbers.
    if (target >= 1) code += static_cast<uint32_t>(target - 1) << f.mantissa_bits;
  }
  if (code > f.max) return overflow();
  if (code == 0 && f.fnuz) return 0;
  return static_cast<uint16_t>(sign | code);
}

uint8_t encode_e8m0(float v, Round round, bool saturate) {
  if (std::isnan(v)) return 0xff;
  const uint32_t magnitude = std::bit_cast<uint32_t>(v) & 0x7fffffff;
  if (magnitude >= 0x7f800000) return saturate ? 0xfe : 0xff;
  uint32_t exponent = magnitude >> 23;
  const uint32_t mantissa = magnitude & 0x7fffff;
  if (exponent == 0) {
    // Subnormal floats: 2^-127 is code 0, and below it saturates there.
    const bool up =
        round == Round::kUp ? mantissa > 0x400000 : round == Round::kNearest && mantissa > 0x600000;
    return up ? 1 : 0;
  }
  if (round == Round::kUp ? mantissa != 0 : round == Round::kNearest && mantissa >= 0x400000) ++exponent;
  if (exponent > 0xfe) return saturate ? 0xfe : 0xff;
  return static_cast<uint8_t>(exponent);
}

float round_to_odd(double v) {
  float f = static_cast<float>(v);
  if (!std::isfinite(f) || static_cast<double>(f) == v) return f;
  // Truncate towards zero, then set the last bit: no later rounding can mistake it for a tie.
  if (std::abs(static_cast<double>(f)) > std::abs(v)) f = std::nextafter(f, 0.0f);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(f) | 1u);
}

// The same for integers: the bits below the 24 that fit become one sticky bit.
template <class T>
float round_to_odd_integer(T v) {
  const bool negative = v < T(0);
  uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
  const int excess = std::max(0, static_cast<int>(std::bit_width(magnitude)) - 24);
  const uint64_t lost = magnitude & ((uint64_t{1} << excess) - 1);
  magnitude = magnitude >> excess | (lost != 0);
  const float f = std::ldexp(static_cast<float>(magnitude), excess);
  return negative ? -f : f;
}

template <class To, class From>
To convert_number(From v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(v)) return 0;
    const From t = std::trunc(v);
    if (t < static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    // max()+1 is a power of two, so this comparison is exact.
    const From limit = std::ldexp(From(1), std::numeric_limits<To>::digits);
    return t >= limit ? std::numeric_limits<To>::max() : static_cast<To>(t);
  } else {
    return static_cast<To>(v);
  }
}

template <class F>
bool visit_number(DType t, F&& f) {
  switch (t) {
    case DType::kFloat32:
      f(float{});
      return true;
    case DType::kFloat64:
      f(double{});
      return true;
    case DType::kUint8:
      f(uint8_t{});
      return true;
    case DType::kInt8:
      f(int8_t{});
      return true;
    case DType::kUint16:
      f(uint16_t{});
      return true;
    case DType::kInt16:
      f(int16_t{});
      return true;
    case DType::kUint32:
      f(uint32_t{});
      return true;
    case DType::kInt32:
      f(int32_t{});
      return true;
    case DType::kUint64:
      f(uint64_t{});
      return true;
    case DType::kInt64:
      f(int64_t{});
      return true;
    case DType::kBool:
      f(bool{});
      return true;
    default:
      return false;
  }
}

bool is_narrow_float(DType t) { return is_floating(t) && t != DType::kFloat32 && t != DType::kFloat64; }

// The C++ arithmetic type that holds every value of `t`.
DType wide(DType t) {
  if (is_narrow_float(t)) return DType::kFloat32;
  if (t == DType::kInt4 || t == DType::kInt2) return DType::kInt8;
  if (t == DType::kUint4 || t == DType::kUint2) return DType::kUint8;
  return t;
}

Result<Tensor> widen(const Tensor& from) {
  const DType target = wide(from.dtype());
  if (target == from.dtype()) return from;
  Tensor out = ONWARD_TRY(Tensor::allocate(target, from.shape()));
  const int64_t n = from.count();
  if (target != DType::kFloat32) {
    unpack(from.raw(), from.dtype(), n, reinterpret_cast<uint8_t*>(out.mutable_raw()));
    return out;
  }
  float* y = out.mutable_data<float>();
  const std::byte* x = from.raw();
  if (from.dtype() == DType::kFloat4E2M1) {
    for (int64_t i = 0; i < n; ++i)
      y[i] = decode(static_cast<uint16_t>(static_cast<uint8_t>(x[i / 2]) >> (i % 2 * 4) & 15), kE2M1);
  } else if (bit_width(from.dtype()) == 16) {
    const auto* h = reinterpret_cast<const uint16_t*>(x);
    if (from.dtype() == DType::kFloat16)
      for (int64_t i = 0; i < n; ++i) y[i] = to_float(Float16{h[i]});
    else
      for (int64_t i = 0; i < n; ++i) y[i] = to_float(Bfloat16{h[i]});
  } else {
    float table[256];
    for (int i = 0; i < 256; ++i) table[i] = decode_narrow(static_cast<uint16_t>(i), from.dtype());
    for (int64_t i = 0; i < n; ++i) y[i] = table[static_cast<uint8_t>(x[i])];
  }
  return out;
}

template <class From>
void narrow_floats(const From* x, int64_t n, DType to, bool saturate, Round round, std::byte* out) {
  const auto as_float = [](From v) {
    if constexpr (std::is_same_v<From, double>)
      return round_to_odd(v);
    else if constexpr (std::is_integral_v<From> && !std::is_same_v<From, bool>)
      return round_to_odd_integer(v);
    else
      return static_cast<float>(v);
  };
  if (to == DType::kFloat4E2M1) {
    std::memset(out, 0, static_cast<size_t>((n + 1) / 2));
    for (int64_t i = 0; i < n; ++i)
      out[i / 2] |= static_cast<std::byte>(encode(as_float(x[i]), kE2M1, saturate) << (i % 2 * 4));
  } else if (to == DType::kFloat16) {
    for (int64_t i = 0; i < n; ++i) reinterpret_cast<uint16_t*>(out)[i] = to_float16(as_float(x[i])).bits;
  } else if (to == DType::kBfloat16) {
    for (int64_t i = 0; i < n; ++i) reinterpret_cast<uint16_t*>(out)[i] = to_bfloat16(as_float(x[i])).bits;
  } else {
    for (int64_t i = 0; i < n; ++i)
      out[i] = static_cast<std::byte>(encode_narrow(as_float(x[i]), to, saturate, round));
  }
}

Result<std::string> number_text(const Tensor& wide_from, int64_t i) {
  std::string out;
  visit_number(wide_from.dtype(), [&]<class T>(T) {
    const T v = wide_from.data<T>()[i];
    if constexpr (std::is_same_v<T, bool>) {
      out = v ? "True" : "False";
    } else if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(v))
        out = "NaN";
      else if (std::isinf(v))
        out = v > 0 ? "INF" : "-INF";
      else {
        char buffer[64];
        out.assign(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
      }
    } else {
      out = cat(v);
    }
  });
  return out;
}

template <class T>
Status parse_number(std::string_view text, T& out) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  if constexpr (std::is_same_v<T, bool>) {
    double v = 0;
    ONWARD_TRY(parse_number(text, v));
    out = v != 0;
    return {};
  } else {
    auto result = std::from_chars(text.data(), text.data() + text.size(), out);
    if (result.ec == std::errc() && result.ptr == text.data() + text.size()) return {};
    if constexpr (std::is_integral_v<T>) {  // "3.0" and "1e3" are accepted for integers
      double v = 0;
      if (parse_number(text, v).ok()) {
        out = convert_number<T>(v);
        return {};
      }
    }
    return invalid_argument("cannot convert the text '", printable(text, 60), "' to a number");
  }
}

Status from_strings(const Tensor& from, Tensor& to) {
  Status status;
  visit_number(to.dtype(), [&]<class T>(T) {
    for (int64_t i = 0; i < from.count() && status.ok(); ++i)
      status = parse_number(from.data<std::string>()[i], to.mutable_data<T>()[i]);
  });
  return status;
}

Status convert_complex(const Tensor& from, Tensor& to) {
  const int64_t n = from.count();
  if (from.dtype() == DType::kComplex64 && to.dtype() == DType::kComplex128) {
    for (int64_t i = 0; i < n; ++i)
      to.mutable_data<std::complex<double>>()[i] = from.data<std::complex<float>>()[i];
    return {};
  }
  if (from.dtype() == DType::kComplex128 && to.dtype() == DType::kComplex64) {
    for (int64_t i = 0; i < n; ++i)
      to.mutable_data<std::complex<float>>()[i] = std::complex<float>(from.data<std::complex<double>>()[i]);
    return {};
  }
  if (!is_floating(from.dtype()) && !is_integer(from.dtype()))
    return unsupported("conversion from ", from.dtype(), " to ", to.dtype());
  const Tensor real = ONWARD_TRY(convert(from, DType::kFloat64));
  for (int64_t i = 0; i < n; ++i) {
    const double v = real.data<double>()[i];
    if (to.dtype() == DType::kComplex64)
      to.mutable_data<std::complex<float>>()[i] = static_cast<float>(v);
    else
      to.mutable_data<std::complex<double>>()[i] = v;
  }
  return {};
}

}  // namespace

float to_float(Float16 v) {
  // Shift into float position, then scale: subnormals come out right because the multiplication is exact.
  const uint32_t magnitude = v.bits & 0x7fff, sign = static_cast<uint32_t>(v.bits & 0x8000) << 16;
  if (magnitude >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | sign);
}
float to_float(Bfloat16 v) { return std::bit_cast<float>(static_cast<uint32_t>(v.bits) << 16); }
float to_float(Float8E4M3FN v) { return decode(v.bits, kE4M3FN); }
float to_float(Float8E4M3FNUZ v) { return decode(v.bits, kE4M3FNUZ); }
float to_float(Float8E5M2 v) { return decode(v.bits, kE5M2); }
float to_float(Float8E5M2FNUZ v) { return decode(v.bits, kE5M2FNUZ); }
float to_float(Float8E8M0 v) {
  if (v.bits == 0xff) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0f, v.bits - 127);
}

Float16 to_float16(float v) { return {encode(v, kHalf, false)}; }

Bfloat16 to_bfloat16(float v) {
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  if (std::isnan(v)) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

uint16_t encode_narrow(float v, DType type, bool saturate, Round round) {
  if (type == DType::kFloat8E8M0) return encode_e8m0(v, round, saturate);
  return encode(v, format(type), saturate);
}

float decode_narrow(uint16_t bits, DType type) {
  if (type == DType::kFloat8E8M0) return to_float(Float8E8M0{static_cast<uint8_t>(bits)});
  return decode(bits, format(type));
}

void unpack(const std::byte* packed, DType type, int64_t count, uint8_t* out) {
  const int width = bit_width(type), per_byte = 8 / width;
  const bool is_signed = is_signed_integer(type);
  for (int64_t i = 0; i < count; ++i) {
    const auto byte = static_cast<uint8_t>(packed[i / per_byte]);
    const auto code = static_cast<uint8_t>(byte >> (i % per_byte * width) & ((1 << width) - 1));
    out[i] = is_signed ? static_cast<uint8_t>(static_cast<int8_t>(code << (8 - width)) >> (8 - width)) : code;
  }
}

void pack(const uint8_t* codes, DType type, int64_t count, std::byte* out) {
  const int width = bit_width(type), per_byte = 8 / width;
  std::memset(out, 0, static_cast<size_t>((count + per_byte - 1) / per_byte));
  for (int64_t i = 0; i < count; ++i)
    out[i / per_byte] |= static_cast<std::byte>((codes[i] & ((1 << width) - 1)) << (i % per_byte * width));
}

Result<Tensor> convert(const Tensor& from, DType to, bool saturate, Round round,
                       const std::shared_ptr<Budget>& budget) {
  if (from.dtype() == to) return from;
  Tensor out = ONWARD_TRY(Tensor::allocate(to, from.shape(), budget));
  ONWARD_TRY(convert_into(from, out, saturate, round));
  return out;
}

Status convert_into(const Tensor& from, Tensor& to, bool saturate, Round round) {
  if (from.dtype() == to.dtype()) {
    copy_elements(from, to);
    return {};
  }
  if (is_complex(from.dtype()) || is_complex(to.dtype())) return convert_complex(from, to);
  const int64_t n = from.count();
  if (!build::has_type(DType::kString) && (from.dtype() == DType::kString || to.dtype() == DType::kString))
    return unsupported("conversion from ", from.dtype(), " to ", to.dtype(), ": no strings in this build");
  if (from.dtype() == DType::kString) {
    if (wide(to.dtype()) == to.dtype()) return from_strings(from, to);
    Tensor numbers = ONWARD_TRY(Tensor::allocate(wide(to.dtype()), from.shape()));
    ONWARD_TRY(from_strings(from, numbers));
    return convert_into(numbers, to, saturate, round);
  }
  const Tensor source = ONWARD_TRY(widen(ONWARD_TRY(aligned(from))));
  if (to.dtype() == DType::kString) {
    for (int64_t i = 0; i < n; ++i) to.mutable_data<std::string>()[i] = ONWARD_TRY(number_text(source, i));
    return {};
  }
  if (is_narrow_float(to.dtype())) {
    visit_number(source.dtype(), [&]<class From>(From) {
      narrow_floats(source.data<From>(), n, to.dtype(), saturate, round, to.mutable_raw());
    });
    return {};
  }
  if (is_sub_byte(to.dtype())) {
    // By way of int32, whose low bits are kept: a negative number wraps in an unsigned type.
    const Tensor numbers = ONWARD_TRY(convert(source, DType::kInt32, saturate, round));
    std::vector<uint8_t> codes(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i)
      codes[static_cast<size_t>(i)] = static_cast<uint8_t>(numbers.data<int32_t>()[i]);
    pack(codes.data(), to.dtype(), n, to.mutable_raw());
    return {};
  }
  visit_number(source.dtype(), [&]<class From>(From) {
    visit_number(to.dtype(), [&]<class To>(To) {
      const From* x = source.data<From>();
      To* y = to.mutable_data<To>();
      for (int64_t i = 0; i < n; ++i) y[i] = convert_number<To>(x[i]);
    });
  });
  return {};
}

}  // namespace ow
