// The operator with decoders of the test's: what reaches them, what comes of what they do, and the error
// without one. Real pictures: tests/cli/image_decoder_test.py, tests/python/test_image_decoder.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "ops/op/decode_image.h"
#include "ops/op/evaluate.h"

namespace ow {
namespace {

using ::testing::HasSubstr;

// Sets a decoder for a test, and none afterwards.
struct WithDecoder {
  explicit WithDecoder(onward_decode_image_fn decode) {
    set_image_decoder(std::make_shared<ImageDecoder>(decode, nullptr));
  }
  ~WithDecoder() { set_image_decoder(nullptr); }
};

Result<std::vector<Value>> run(std::vector<uint8_t> file, std::string format = "RGB") {
  const auto x = Tensor::of<uint8_t>({static_cast<int64_t>(file.size())}, std::span<const uint8_t>(file));
  return evaluate_op("ImageDecoder", {x}, 1, {{"pixel_format", std::move(format)}});
}

std::string message_of(const Result<std::vector<Value>>& r, Code code = Code::kInvalidArgument) {
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.status().code(), code) << r.status().message();
  return std::string(r.status().message());
}

// A "format" of two bytes, height and width; sample i is i + 100 * format.
void decode_plain(void*, const void* data, size_t bytes, onward_pixel_format format, onward_image* image) {
  const auto* size = static_cast<const uint8_t*>(data);
  if (bytes != 2) return image->fail(Code::kInvalidArgument, "expected two bytes");
  uint8_t* p = image->pixels(size[0], size[1]);
  const int count = size[0] * size[1] * (format == ONWARD_GRAYSCALE ? 1 : 3);
  for (int i = 0; p && i < count; ++i) p[i] = static_cast<uint8_t>(i + 100 * format);
}

TEST(ImageDecoder, GivesPixelsOfEachFormat) {
  const WithDecoder decoder(decode_plain);
  const std::pair<const char*, int> formats[] = {{"RGB", 0}, {"BGR", 100}, {"Grayscale", 200}};
  for (const auto& [format, first] : formats) {
    auto y = run({3, 5}, format);
    ASSERT_TRUE(y.ok()) << y.status().message();
    const Tensor& t = *(*y)[0].tensor();
    EXPECT_EQ(t.shape(), (Shape{3, 5, first == 200 ? 1 : 3}));
    EXPECT_EQ(t.data<uint8_t>()[0], first);
    EXPECT_EQ(t.data<uint8_t>()[14], first + 14);
  }
}

TEST(ImageDecoder, ErrorsNameTheNodeAndTheReason) {
  EXPECT_THAT(message_of(run({1, 1}), Code::kUnsupported), HasSubstr("set_image_decoder"));
  const WithDecoder decoder(decode_plain);
  EXPECT_THAT(message_of(run({})), HasSubstr("input is empty"));
  EXPECT_THAT(message_of(run({1, 2, 3})), HasSubstr("ImageDecoder"));
  EXPECT_THAT(message_of(run({1, 2, 3})), HasSubstr("expected two bytes"));
  EXPECT_THAT(message_of(run({0, 3}), Code::kInternal), HasSubstr("0 rows and 3 columns"));
  EXPECT_THAT(message_of(run({1, 1}, "YUV"), Code::kInvalidModel),
              HasSubstr("expected RGB, BGR or Grayscale"));
}

TEST(ImageDecoder, WrongDecodersAreErrors) {
  {
    const WithDecoder silent([](void*, const void*, size_t, onward_pixel_format, onward_image*) {});
    EXPECT_THAT(message_of(run({1}), Code::kInternal), HasSubstr("neither a picture nor an error"));
  }
  {
    const WithDecoder twice([](void*, const void*, size_t, onward_pixel_format, onward_image* image) {
      EXPECT_NE(image->pixels(1, 1), nullptr);
      EXPECT_EQ(image->pixels(1, 1), nullptr);
    });
    EXPECT_THAT(message_of(run({1}), Code::kInternal), HasSubstr("twice"));
  }
  const WithDecoder huge([](void*, const void*, size_t, onward_pixel_format, onward_image* image) {
    EXPECT_EQ(image->pixels(int64_t{1} << 40, int64_t{1} << 40), nullptr);
    image->fail(Code::kInternal, "too late: the first error counts");
  });
  auto y = run({1});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().code(), Code::kInternal) << y.status().message();
}

// A decoder that is replaced lives until the runs that use it are over, and no longer.
TEST(ImageDecoder, MayBeReplacedDuringRuns) {
  static std::atomic<int> alive;
  alive = 0;
  const auto set = [] {
    auto made = std::make_shared<ImageDecoder>(
        [](void* user, const void* data, size_t n, onward_pixel_format f, onward_image* image) {
          EXPECT_GT(static_cast<std::atomic<int>*>(user)->load(), 0);
          decode_plain(nullptr, data, n, f, image);
        },
        &alive);
    ++alive;
    made->set_release([](void* user) { --*static_cast<std::atomic<int>*>(user); });
    set_image_decoder(std::move(made));
  };
  set();
  {
    std::vector<std::jthread> runs;
    for (int i = 0; i < 4; ++i)
      runs.emplace_back([] {
        for (int n = 0; n < 200; ++n) EXPECT_TRUE(run({3, 4}).ok());
      });
    for (int n = 0; n < 200; ++n) set();
  }
  EXPECT_EQ(alive, 1);
  set_image_decoder(nullptr);
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace ow
