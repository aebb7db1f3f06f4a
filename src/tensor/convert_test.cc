// Conversions against exact facts: IEEE's own definition for float16, ml_dtypes for the 8- and 4-bit types
// (convert_tables.inc), and rounding worked out by hand.
#include "tensor/convert.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace ow {
namespace {

#include "tensor/convert_tables.inc"

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Convert, EveryFloat16RoundTrips) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float v = to_float(Float16{static_cast<uint16_t>(bits)});
    const int sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, mantissa = bits & 1023;
    if (exponent == 31 && mantissa) {
      ASSERT_TRUE(std::isnan(v)) << bits;
      ASSERT_TRUE(std::isnan(to_float(to_float16(v)))) << bits;
      continue;
    }
    const double expected = exponent == 31 ? kInf
                            : exponent     ? std::ldexp(1024 + mantissa, exponent - 25)
                                           : std::ldexp(mantissa, -24);
    ASSERT_EQ(v, sign * expected) << bits;
    ASSERT_EQ(to_float16(v).bits, bits);
    ASSERT_EQ(encode_narrow(decode_narrow(static_cast<uint16_t>(bits), DType::kFloat16), DType::kFloat16),
              bits);
  }
}

TEST(Convert, EveryBfloat16RoundTrips) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float v = to_float(Bfloat16{static_cast<uint16_t>(bits)});
    if (std::isnan(v))
      ASSERT_TRUE(std::isnan(to_float(to_bfloat16(v))));
    else
      ASSERT_EQ(to_bfloat16(v).bits, bits);
  }
}

TEST(Convert, Float16RoundsToNearestEven) {
  for (uint16_t bits = 0; bits < 0x7bff; ++bits) {
    const float a = to_float(Float16{bits}), b = to_float(Float16{static_cast<uint16_t>(bits + 1)});
    const float middle = static_cast<float>((static_cast<double>(a) + b) / 2);  // exact: one more bit
    ASSERT_EQ(to_float16(middle).bits, bits + (bits & 1)) << bits;
    ASSERT_EQ(to_float16(std::nextafter(middle, 0.0f)).bits, bits);
    ASSERT_EQ(to_float16(std::nextafter(middle, kInf)).bits, bits + 1);
    ASSERT_EQ(to_float16(-middle).bits, 0x8000 | (bits + (bits & 1)));
  }
  EXPECT_EQ(to_float16(65519.99f).bits, 0x7bff);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(to_float16(-1e30f).bits, 0xfc00);
  EXPECT_EQ(to_float16(1e-30f).bits, 0);
  EXPECT_EQ(to_float16(-0.0f).bits, 0x8000);
}

void expect_table(DType type, std::span<const uint32_t> decoded, std::span<const uint32_t> samples,
                  std::span<const uint8_t> codes, std::span<const uint8_t> saturated) {
  for (size_t i = 0; i < decoded.size(); ++i) {
    const float expected = std::bit_cast<float>(decoded[i]),
                found = decode_narrow(static_cast<uint16_t>(i), type);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(found)) << i;
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(found), decoded[i]) << i;
  }
  auto is_nan = [&](uint8_t code) { return std::isnan(std::bit_cast<float>(decoded[code])); };
  for (size_t i = 0; i < samples.size(); ++i) {
    const float v = std::bit_cast<float>(samples[i]);
    const auto wrapped = static_cast<uint8_t>(encode_narrow(v, type, false));
    EXPECT_TRUE(wrapped == codes[i] || (is_nan(wrapped) && is_nan(codes[i])))
        << v << ": " << int{wrapped} << " not " << int{codes[i]};
    EXPECT_EQ(encode_narrow(v, type, true), saturated[i]) << v;
  }
}

TEST(Convert, NarrowFloatsAgreeWithMlDtypes) {
  expect_table(DType::kFloat8E4M3FN, kFloat8E4M3FNDecoded, kFloat8E4M3FNSamples, kFloat8E4M3FNCodes,
               kFloat8E4M3FNSaturated);
  expect_table(DType::kFloat8E4M3FNUZ, kFloat8E4M3FNUZDecoded, kFloat8E4M3FNUZSamples, kFloat8E4M3FNUZCodes,
               kFloat8E4M3FNUZSaturated);
  expect_table(DType::kFloat8E5M2, kFloat8E5M2Decoded, kFloat8E5M2Samples, kFloat8E5M2Codes,
               kFloat8E5M2Saturated);
  expect_table(DType::kFloat8E5M2FNUZ, kFloat8E5M2FNUZDecoded, kFloat8E5M2FNUZSamples, kFloat8E5M2FNUZCodes,
               kFloat8E5M2FNUZSaturated);
  expect_table(DType::kFloat4E2M1, kFloat4E2M1Decoded, kFloat4E2M1Samples, kFloat4E2M1Codes,
               kFloat4E2M1Saturated);
  expect_table(DType::kFloat8E8M0, kFloat8E8M0Decoded, {}, {}, {});
}

TEST(Convert, SpecialValuesOfFloat8) {
  for (DType t : {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ}) {
    EXPECT_TRUE(std::isnan(decode_narrow(encode_narrow(NAN, t), t))) << dtype_name(t);
    EXPECT_TRUE(std::isfinite(decode_narrow(encode_narrow(kInf, t, true), t)));
    const float wrapped = decode_narrow(encode_narrow(-kInf, t, false), t);
    EXPECT_TRUE(t == DType::kFloat8E5M2 ? wrapped == -kInf : std::isnan(wrapped)) << dtype_name(t);
  }
  EXPECT_EQ(encode_narrow(-0.0f, DType::kFloat8E4M3FN), 0x80);
  EXPECT_EQ(encode_narrow(-0.0f, DType::kFloat8E4M3FNUZ), 0);
  EXPECT_EQ(encode_narrow(-1e-20f, DType::kFloat8E5M2FNUZ), 0);
}

TEST(Convert, Float8E8M0RoundsAsAsked) {
  for (int e = -126; e < 127; ++e) {
    const float v = std::ldexp(1.0f, e), above = std::ldexp(1.25f, e);
    for (Round r : {Round::kUp, Round::kDown, Round::kNearest})
      EXPECT_EQ(encode_narrow(v, DType::kFloat8E8M0, true, r), e + 127);
    EXPECT_EQ(encode_narrow(above, DType::kFloat8E8M0, true, Round::kUp), e + 128);
    EXPECT_EQ(encode_narrow(above, DType::kFloat8E8M0, true, Round::kDown), e + 127);
    EXPECT_EQ(encode_narrow(above, DType::kFloat8E8M0, true, Round::kNearest), e + 127);
    EXPECT_EQ(encode_narrow(std::ldexp(1.75f, e), DType::kFloat8E8M0, true, Round::kNearest), e + 128);
  }
  EXPECT_EQ(encode_narrow(NAN, DType::kFloat8E8M0), 0xff);
  EXPECT_EQ(encode_narrow(kInf, DType::kFloat8E8M0, true), 0xfe);
  EXPECT_EQ(encode_narrow(kInf, DType::kFloat8E8M0, false), 0xff);
}

template <class T>
uint16_t narrow(T v, DType type) {
  auto t = convert(Tensor::scalar(v), type);
  EXPECT_TRUE(t.ok());
  return *reinterpret_cast<const uint16_t*>(t->raw());
}

TEST(Convert, WideTypesRoundOnce) {
  // Just above the middle of two bfloat16 values, by less than float can say: rounding twice would tie to
  // even.
  EXPECT_EQ(narrow(1.0 + 0x1p-8 + 0x1p-40, DType::kBfloat16), 0x3f81);
  EXPECT_EQ(narrow(1.0 + 0x1p-8, DType::kBfloat16), 0x3f80);
  EXPECT_EQ(narrow(int64_t{1} << 40 | int64_t{1} << 32 | 1, DType::kBfloat16), 0x5381);
  EXPECT_EQ(narrow(int64_t{1} << 40 | int64_t{1} << 32, DType::kBfloat16), 0x5380);
  EXPECT_EQ(narrow(-(int64_t{1} << 40 | int64_t{1} << 32 | 1), DType::kBfloat16), 0xd381);
  EXPECT_EQ(narrow(int32_t{0x1010001}, DType::kBfloat16), 0x4b81);
  EXPECT_EQ(narrow(INT64_MIN, DType::kBfloat16), 0xdf00);
  EXPECT_EQ(narrow(UINT64_MAX, DType::kBfloat16), 0x5f80);
  EXPECT_EQ(narrow(1.0 + 0x1p-11 + 0x1p-50, DType::kFloat16), 0x3c01);
  EXPECT_EQ(narrow(1e300, DType::kFloat16), 0x7c00);
  EXPECT_EQ(narrow(int64_t{65519}, DType::kFloat16), 0x7bff);
  EXPECT_EQ(narrow(int64_t{65520}, DType::kFloat16), 0x7c00);
  EXPECT_EQ(narrow(0x1p-25 + 0x1p-70, DType::kFloat16), 1);
  EXPECT_EQ(narrow(0x1p-25, DType::kFloat16), 0);
}

TEST(Convert, FloatToIntegerTruncatesAndSaturates) {
  auto to = [](double v, DType t) {
    return *convert(*convert(Tensor::scalar(v), t), DType::kInt64)->data<int64_t>();
  };
  EXPECT_EQ(to(2.9, DType::kInt32), 2);
  EXPECT_EQ(to(-2.9, DType::kInt32), -2);
  EXPECT_EQ(to(3e9, DType::kInt32), INT32_MAX);
  EXPECT_EQ(to(-3e9, DType::kInt32), INT32_MIN);
  EXPECT_EQ(to(-1, DType::kUint8), 0);
  EXPECT_EQ(to(300, DType::kUint8), 255);
  EXPECT_EQ(to(9.3e18, DType::kInt64), INT64_MAX);
  EXPECT_EQ(to(NAN, DType::kInt16), 0);
  EXPECT_EQ(to(INFINITY, DType::kInt8), 127);
  EXPECT_EQ(to(-0.5, DType::kBool), 1);
  EXPECT_EQ(convert(Tensor::scalar(int32_t{-1}), DType::kUint8)->data<uint8_t>()[0], 255);
}

TEST(Convert, PackedTypesInOddCounts) {
  for (DType t : {DType::kInt4, DType::kUint4, DType::kInt2, DType::kUint2}) {
    const int range = 1 << bit_width(t), low = is_signed_integer(t) ? -range / 2 : 0;
    std::vector<int64_t> values;
    for (int i = 0; i < 2 * range + 1; ++i) values.push_back(low + i % range);
    const Shape shape{static_cast<int64_t>(values.size())};
    auto packed = convert(Tensor::of<int64_t>(shape, values), t);
    ASSERT_TRUE(packed.ok());
    auto back = convert(*packed, DType::kInt64);
    ASSERT_TRUE(back.ok());
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(back->data<int64_t>()[i], values[i]) << dtype_name(t);
  }
}

TEST(Convert, Text) {
  const std::string words[] = {" 1.5", "-INF", "NaN", "+2"};
  auto t = convert(Tensor::of<std::string>({4}, words), DType::kFloat32);
  ASSERT_TRUE(t.ok()) << t.status().message();
  EXPECT_EQ(t->data<float>()[0], 1.5f);
  EXPECT_EQ(t->data<float>()[1], -kInf);
  EXPECT_TRUE(std::isnan(t->data<float>()[2]));
  EXPECT_EQ(convert(Tensor::scalar(std::string("3.0")), DType::kInt32)->data<int32_t>()[0], 3);
  auto bad = convert(Tensor::scalar(std::string("three")), DType::kInt32);
  EXPECT_EQ(bad.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(convert(Tensor::scalar(0.1f), DType::kString)->data<std::string>()[0], "0.1");
}

}  // namespace
}  // namespace ow
