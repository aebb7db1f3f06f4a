// .npy files against the bytes that NumPy writes (np.save), and hostile headers.
#include "tools/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "apps/file.h"
#include "tools/utf.h"

namespace onward::tools {
namespace {

using ::testing::HasSubstr;

// A version 1 file as NumPy lays it out: header padded with spaces to a multiple of 64, ended by a newline.
std::vector<uint8_t> file_of(std::string header, const std::string& data, int version = 1) {
  const size_t start = version == 1 ? 10 : 12;
  header.resize((start + header.size() + 1 + 63) / 64 * 64 - start - 1, ' ');
  header += '\n';
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  file += static_cast<char>(header.size() & 0xff);
  file += static_cast<char>(header.size() >> 8);
  if (version > 1) file += std::string(2, '\0');
  file += header + data;
  return {file.begin(), file.end()};
}

std::string header_of(const std::string& descr, const std::string& shape, const char* fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

template <class T>
std::vector<T> values(const NpyArray& array) {
  std::vector<T> out(array.bytes.size() / sizeof(T));
  std::memcpy(out.data(), array.bytes.data(), array.bytes.size());
  return out;
}

std::string message_of(const std::vector<uint8_t>& file) {
  try {
    parse_npy(file, "x.npy");
  } catch (const apps::FileError& e) {
    return e.what();
  }
  return "";
}

TEST(Npy, ReadsEveryVersion) {
  for (int version : {1, 2, 3}) {
    const NpyArray a =
        parse_npy(file_of(header_of("<i2", "(3,)"), std::string("\1\0\2\0\xff\xff", 6), version), "x");
    EXPECT_EQ(a.dtype, ONWARD_INT16);
    EXPECT_EQ(a.shape, (std::vector<int64_t>{3}));
    EXPECT_EQ(values<int16_t>(a), (std::vector<int16_t>{1, 2, -1}));
  }
}

TEST(Npy, ReadsScalarsEmptyArraysAndBools) {
  const NpyArray scalar = parse_npy(file_of(header_of("<f4", "()"), std::string("\0\0\x80\x3f", 4)), "x");
  EXPECT_TRUE(scalar.shape.empty());
  EXPECT_EQ(values<float>(scalar), (std::vector<float>{1.0f}));
  EXPECT_EQ(parse_npy(file_of(header_of("<f8", "(0, 9223372036854775807, 5)"), ""), "x").bytes.size(), 0u);
  EXPECT_EQ(values<uint8_t>(parse_npy(file_of(header_of("|b1", "(2,)"), std::string("\0\7", 2)), "x")),
            (std::vector<uint8_t>{0, 1}));
}

TEST(Npy, SwapsBigEndian) {
  EXPECT_EQ(values<uint32_t>(parse_npy(file_of(header_of(">u4", "(1,)"), std::string("\1\2\3\4", 4)), "x")),
            (std::vector<uint32_t>{0x01020304}));
  const NpyArray c =
      parse_npy(file_of(header_of(">c8", "(1,)"), std::string("\x3f\x80\0\0\x40\0\0\0", 8)), "x");
  EXPECT_EQ(c.dtype, ONWARD_COMPLEX64);
  EXPECT_EQ(values<float>(c), (std::vector<float>{1.0f, 2.0f}));
}

TEST(Npy, TurnsFortranOrderAround) {
  // numpy.asfortranarray(numpy.arange(24, dtype='u1').reshape(2, 3, 4)).tobytes('A')
  std::string data;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) data += static_cast<char>(12 * i + 4 * j + k);
  const auto got = values<uint8_t>(parse_npy(file_of(header_of("|u1", "(2, 3, 4)", "True"), data), "x"));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(got[i], i);
}

TEST(Npy, ReadsText) {
  const std::string data("\xe9\0\0\0\0\0\0\0\x00\xf6\x01\0\x41\0\0\0", 16);
  const NpyArray a = parse_npy(file_of(header_of("<U2", "(2,)"), data), "x");
  EXPECT_EQ(a.dtype, ONWARD_STRING);
  EXPECT_EQ(a.strings, (std::vector<std::string>{"\xc3\xa9",
                                                 "\xf0\x9f\x98\x80"
                                                 "A"}));
  EXPECT_EQ(parse_npy(file_of(header_of("|S3", "(2,)"), std::string("ab\0abc", 6)), "x").strings,
            (std::vector<std::string>{"ab", "abc"}));
  EXPECT_THAT(message_of(file_of(header_of("<U1", "(1,)"), std::string("\0\xd8\0\0", 4))),
              HasSubstr("Unicode"));
}

TEST(Npy, WritesWhatNumpyWrites) {
  NpyArray a{ONWARD_FLOAT32, {1}, {std::byte{0}, std::byte{0}, std::byte{0x80}, std::byte{0x3f}}, {}};
  EXPECT_EQ(format_npy(a, "x"), file_of(header_of("<f4", "(1,)"), std::string("\0\0\x80\x3f", 4)));
  a = {ONWARD_STRING, {2, 1}, {}, {"a", "\xc3\xa9z"}};
  const NpyArray back = parse_npy(format_npy(a, "x"), "x");
  EXPECT_EQ(back.strings, a.strings);
  EXPECT_EQ(back.shape, a.shape);
  a.strings[0] = "\xff";
  EXPECT_THROW(format_npy(a, "x"), apps::FileError);
}

TEST(Npy, RefusesHostileFiles) {
  EXPECT_THAT(message_of({}), HasSubstr("x.npy: not a .npy file"));
  EXPECT_THAT(message_of(file_of(header_of("<f4", "(3,)"), "1234")),
              HasSubstr("4 bytes of data; expected 12"));
  EXPECT_THAT(message_of(file_of(header_of("<f4", "(4611686018427387904, 8)"), "")), HasSubstr("too large"));
  EXPECT_THAT(message_of(file_of(header_of("<f4", "(99999999999999999999,)"), "")), HasSubstr("too large"));
  EXPECT_THAT(message_of(file_of(header_of("<f4", "(-1,)"), "")), HasSubstr("no number"));
  EXPECT_THAT(message_of(file_of(header_of("|O", "(1,)"), "")), HasSubstr("element type '|O'"));
  EXPECT_THAT(message_of(file_of(header_of("<U999999999999", "(1,)"), "")), HasSubstr("element type"));
  EXPECT_THAT(message_of(file_of(header_of("<U0", "(999999999999,)"), "")), HasSubstr("too many"));
  EXPECT_THAT(message_of(file_of(header_of("|V3", "(1,)"), "123")), HasSubstr("element type"));
  EXPECT_THAT(message_of(file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "")),
              HasSubstr("structured"));
  EXPECT_THAT(message_of(file_of("{'descr': '<f4'}", "")), HasSubstr("lacks"));
  EXPECT_THAT(message_of(file_of("[]", "")), HasSubstr("no dict"));
  EXPECT_THAT(message_of(file_of(header_of("<f4", "(1,)"), "1234", 4)), HasSubstr("version 4"));
  const auto good = file_of(header_of("<f4", "(1,)"), "1234");
  for (size_t n = 0; n < good.size(); ++n) EXPECT_NE(message_of({good.begin(), good.begin() + n}), "") << n;
}

TEST(Utf, IsStrict) {
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8"})
    EXPECT_FALSE(from_utf8(bad)) << bad;
  const std::string all = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  EXPECT_EQ(from_utf8(all), U"a\u00e9\u20ac\U0001f600");
  EXPECT_EQ(to_utf8(*from_utf8(all)), all);
  EXPECT_FALSE(to_utf8(std::u32string(1, 0x110000)));
}

}  // namespace
}  // namespace onward::tools
