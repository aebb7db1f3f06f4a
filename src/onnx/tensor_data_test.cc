// Payloads in every spelling. Expected bytes are written out by hand from the type's definition.
#include "onnx/tensor_data.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

namespace ow::onnx {
namespace {

using std::string;

Tensor tensor(int32_t data_type, std::vector<int64_t> dims) {
  Tensor t;
  t.name = "w";
  t.data_type = data_type;
  t.dims = std::move(dims);
  return t;
}

string bytes_of(const Tensor& t) {
  auto data = tensor_data(t, nullptr);
  EXPECT_TRUE(data.ok()) << data.status().message();
  return data.ok() ? string(data->bytes()) : "error";
}

string error_of(const Tensor& t, const ExternalFiles* files = nullptr, Code code = Code::kInvalidModel) {
  auto data = tensor_data(t, files);
  EXPECT_FALSE(data.ok());
  if (data.ok()) return "";
  EXPECT_EQ(data.status().code(), code) << data.status().message();
  EXPECT_EQ(data.status().message().substr(0, 12), "tensor 'w': ");
  return string(data.status().message().substr(12));
}

TEST(TensorData, RawDataIsAView) {
  string raw(24, 'r');
  Tensor t = tensor(Tensor::FLOAT, {2, 3});
  t.raw_data = raw;
  auto data = tensor_data(t, nullptr);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->bytes().data(), raw.data());
  EXPECT_EQ(data->element_count, 6);
  EXPECT_EQ(data->dims, (std::vector<int64_t>{2, 3}));
}

TEST(TensorData, TypedFieldsBecomeLittleEndianBytes) {
  Tensor t = tensor(Tensor::FLOAT, {1});
  t.float_data = {1.0f};
  EXPECT_EQ(bytes_of(t), string("\0\0\x80\x3f", 4));
  t = tensor(Tensor::DOUBLE, {});
  t.double_data = {-2.0};
  EXPECT_EQ(bytes_of(t), string("\0\0\0\0\0\0\0\xc0", 8));
  t = tensor(Tensor::INT64, {1});
  t.int64_data = {-2};
  EXPECT_EQ(bytes_of(t), "\xfe" + string(7, '\xff'));
  t = tensor(Tensor::UINT32, {2});
  t.uint64_data = {1, 0xfffffffe};
  EXPECT_EQ(bytes_of(t), string("\x01\0\0\0\xfe\xff\xff\xff", 8));
  t = tensor(Tensor::UINT64, {1});
  t.uint64_data = {0x0102030405060708};
  EXPECT_EQ(bytes_of(t), "\x08\x07\x06\x05\x04\x03\x02\x01");
  t = tensor(Tensor::COMPLEX64, {1});
  t.float_data = {0.0f, 1.0f};
  EXPECT_EQ(bytes_of(t), string("\0\0\0\0\0\0\x80\x3f", 8));
  t = tensor(Tensor::INT8, {3});
  t.int32_data = {-128, -1, 127};
  EXPECT_EQ(bytes_of(t), "\x80\xff\x7f");
  t = tensor(Tensor::UINT16, {2});
  t.int32_data = {1, 65535};
  EXPECT_EQ(bytes_of(t), string("\x01\0\xff\xff", 4));
  t = tensor(Tensor::FLOAT16, {2});
  t.int32_data = {0x3c00, 0xbc00};
  EXPECT_EQ(bytes_of(t), string("\0\x3c\0\xbc", 4));
  t = tensor(Tensor::BOOL, {2});
  t.int32_data = {0, 1};
  EXPECT_EQ(bytes_of(t), string("\0\x01", 2));
}

TEST(TensorData, PackedTypesInBothForms) {
  Tensor t = tensor(Tensor::UINT4, {9});
  t.int32_data = {0x21, 0x43, 0x65, 0x87, 0x09};
  EXPECT_EQ(bytes_of(t), "\x21\x43\x65\x87\x09");
  t.int32_data = {static_cast<int32_t>(0x87654321), 0x09};
  EXPECT_EQ(bytes_of(t), "\x21\x43\x65\x87\x09");
  t.int32_data = {1, 2, 3};
  EXPECT_EQ(error_of(t), "int32_data has 3 entries, expected 5 for uint4 (21) [9]");
  t = tensor(Tensor::INT2, {5});
  t.int32_data = {0xe4, 0x03};
  EXPECT_EQ(bytes_of(t), "\xe4\x03");
  t.int32_data = {0x03e4};
  EXPECT_EQ(bytes_of(t), "\xe4\x03");
  t = tensor(Tensor::INT4, {1});
  t.int32_data = {0x100};
  EXPECT_EQ(error_of(t), "int32_data[0] is 256, which does not fit int4 (22)");
  string raw = "\x21\x03";
  t = tensor(Tensor::INT4, {3});
  t.raw_data = raw;
  EXPECT_EQ(bytes_of(t), raw);
}

TEST(TensorData, Strings) {
  Tensor t = tensor(Tensor::STRING, {2});
  t.string_data = {"a", ""};
  auto data = tensor_data(t, nullptr);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->strings, (std::vector<Text>{"a", ""}));
  t.string_data.push_back("c");
  EXPECT_EQ(error_of(t), "string_data has 3 entries, expected 2 for string (8) [2]");
  t.string_data.clear();
  t.raw_data = "ab";
  EXPECT_EQ(error_of(t), "strings are in raw_data, expected string_data");
}

TEST(TensorData, EmptyTensors) {
  Tensor t = tensor(Tensor::FLOAT, {0, std::numeric_limits<int64_t>::max(), 9});
  EXPECT_EQ(bytes_of(t), "");
  t.raw_data = "";
  EXPECT_EQ(bytes_of(t), "");
  t.raw_data = "abcd";
  EXPECT_NE(error_of(t).find("raw_data has 4 bytes, expected 0"), string::npos);
}

TEST(TensorData, RefusesFaultyTensors) {
  Tensor t;
  t.name = "w";
  EXPECT_EQ(error_of(t), "data_type is undefined (0), expected one of 1 .. 26");
  t.data_type = 27;
  EXPECT_EQ(error_of(t), "data_type is unknown (27), expected one of 1 .. 26");
  t = tensor(Tensor::FLOAT, {2});
  EXPECT_EQ(error_of(t), "no field holds data, expected 2 elements of float (1)");
  t.float_data = {1};
  EXPECT_EQ(error_of(t), "float_data has 1 entries, expected 2 for float (1) [2]");
  t.raw_data = "abcdefgh";
  EXPECT_EQ(error_of(t), "both float_data and raw_data hold data, expected one of them");
  t.float_data.clear();
  EXPECT_EQ(bytes_of(t), "abcdefgh");
  t.raw_data = "abcdefghi";
  EXPECT_EQ(error_of(t), "raw_data has 9 bytes, expected 8 for float (1) [2]");
  t.raw_data.reset();
  t.int32_data = {1, 2};
  EXPECT_EQ(error_of(t), "int32_data holds data, expected float_data or raw_data for float (1)");
  t = tensor(Tensor::FLOAT, {-1});
  EXPECT_NE(error_of(t).find("dims [-1] are negative"), string::npos);
  t = tensor(Tensor::FLOAT, {int64_t{1} << 40, int64_t{1} << 40});
  EXPECT_NE(error_of(t).find("overflow"), string::npos);
  t = tensor(Tensor::COMPLEX128, {int64_t{1} << 60});
  EXPECT_NE(error_of(t).find("overflow"), string::npos);
  t = tensor(Tensor::BOOL, {2});
  t.raw_data = "\x01\x02";
  EXPECT_EQ(error_of(t), "element 1 of a bool tensor is 2, expected 0 or 1");
  t = tensor(Tensor::UINT8, {1});
  t.int32_data = {256};
  EXPECT_EQ(error_of(t), "int32_data[0] is 256, which does not fit uint8 (2)");
  t.int32_data = {1};
  t.data_location = 2;
  EXPECT_EQ(error_of(t), "data_location is 2, expected 0 (DEFAULT) or 1 (EXTERNAL)");
  t.data_location = Tensor::EXTERNAL;
  EXPECT_EQ(error_of(t), "int32_data holds data although data_location is EXTERNAL");
  t = tensor(Tensor::UINT8, {1});
  t.segment.emplace();
  EXPECT_NE(error_of(t).find("segment"), string::npos);
}

class ExternalTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/onward_external_XXXXXX";
    outside_ = ::mkdtemp(name);
    folder_ = outside_ + "/model";
    ASSERT_EQ(::mkdir(folder_.c_str(), 0700), 0);
    std::string_view parts[] = {"0123456789"};
    ASSERT_TRUE(write_file(folder_ + "/w.bin", parts).ok());
    ASSERT_TRUE(write_file(outside_ + "/secret", parts).ok());
  }
  void TearDown() override { std::filesystem::remove_all(outside_); }

  Tensor external(std::vector<std::pair<Text, Text>> entries) {
    Tensor t = tensor(Tensor::UINT8, {4});
    t.data_location = Tensor::EXTERNAL;
    for (auto [key, value] : entries) {
      auto& entry = t.external_data.emplace_back();
      entry.key = key;
      entry.value = value;
    }
    return t;
  }

  string outside_, folder_;
};

TEST_F(ExternalTest, ReadsPartsOfAFileOpenedOnce) {
  ExternalFiles files(folder_);
  Tensor t = external({{"location", "w.bin"}, {"offset", "3"}, {"length", "4"}, {"checksum", "ignored"}});
  auto data = tensor_data(t, &files);
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->bytes(), "3456");
  auto whole = tensor_data(external({{"location", "w.bin"}}), &files);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->bytes(), "0123");
  EXPECT_EQ(whole->file, data->file);
}

TEST_F(ExternalTest, RefusesWrongPlaces) {
  ExternalFiles files(folder_);
  auto refused = [&](std::vector<std::pair<Text, Text>> entries) {
    return error_of(external(std::move(entries)), &files);
  };
  EXPECT_NE(refused({}).find("no 'location'"), string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"offset", "7"}}).find("has 10 bytes, expected 4 at offset 7"),
            string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"offset", "9223372036854775807"}}).find("has 10 bytes"),
            string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"offset", "-1"}}).find("expected a number of bytes"),
            string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"offset", "1x"}}).find("expected a number of bytes"),
            string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"length", "5"}}).find("says length 5, expected 4"),
            string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"offset", "1"}, {"offset", "2"}}).find("twice"), string::npos);
  EXPECT_NE(refused({{"location", "w.bin"}, {"shape", "4"}}).find("the key 'shape'"), string::npos);
}

TEST_F(ExternalTest, RefusesPathsOutOfTheFolder) {
  ASSERT_EQ(::symlink("../secret", (folder_ + "/link").c_str()), 0);
  ASSERT_EQ(::symlink("..", (folder_ + "/up").c_str()), 0);
  ASSERT_EQ(::link((outside_ + "/secret").c_str(), (folder_ + "/hard").c_str()), 0);
  string absolute = outside_ + "/secret";
  ExternalFiles files(folder_);
  for (Text location : {Text("../secret"), Text(absolute), Text("link"), Text("up/secret"), Text("hard"),
                        Text(""), Text("a/../../secret"), Text("w.bin\0", 6)})
    EXPECT_NE(error_of(external({{"location", location}}), &files), "") << location;
  error_of(external({{"location", "missing.bin"}}), &files, Code::kIo);
  error_of(external({{"location", "w.bin"}}), nullptr, Code::kInvalidArgument);
  ExternalFiles no_folder("");
  error_of(external({{"location", "w.bin"}}), &no_folder, Code::kInvalidArgument);
}

}  // namespace
}  // namespace ow::onnx
