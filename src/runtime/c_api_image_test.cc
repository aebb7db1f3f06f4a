// The program's decoder of pictures through onward.h and image.hpp.
#include <atomic>
#include <thread>

#include "onward/image.hpp"
#include "runtime/c_api_test_support.h"

namespace ow {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

onnx::Model decoder_model() {
  constexpr int32_t kUint8 = onnx::Tensor::UINT8;
  onnx::Graph g;
  g.input = {value("file", kUint8, {"n"})};
  g.output = {value("pixels", kUint8, {"h", "w", "3"})};
  g.node = {node("ImageDecoder", {"file"}, {"pixels"})};
  return model(g);
}

onward::Session open_session() {
  const std::string text = bytes(decoder_model());
  return onward::Session(onward::Model({reinterpret_cast<const std::byte*>(text.data()), text.size()}));
}

std::vector<onward::Value> run(const onward::Session& session, std::vector<uint8_t> file,
                               const onward::RunOptions& options = {}) {
  const int64_t count = static_cast<int64_t>(file.size());
  return session.run({{"file", onward::Tensor::from<uint8_t>({count}, file)}}, {}, options);
}

// What a run with this decoder fails with.
std::pair<onward_code, std::string> failure(onward::ImageDecoder decoder) {
  onward::set_image_decoder(std::move(decoder));
  onward_code code = ONWARD_OK;
  std::string message;
  try {
    run(open_session(), {1});
  } catch (const onward::Error& e) {
    code = e.code();
    message = e.what();
  }
  onward::set_image_decoder({});
  return {code, message};
}

// A picture of 1 x n pixels: the file's bytes, n = its length / 3.
void decode_row(std::span<const uint8_t> file, onward_pixel_format, const onward::ImageResult& result) {
  std::copy(file.begin(), file.end(), result.pixels(1, static_cast<int64_t>(file.size() / 3)));
}

TEST(CApiImage, DecodesWithTheProgramsDecoder) {
  const auto session = open_session();  // needs none yet
  EXPECT_THROW(run(session, {1, 2, 3}), onward::Error);
  onward::set_image_decoder(decode_row);
  const auto y = run(session, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(y[0].shape(), ElementsAre(1, 2, 3));
  EXPECT_THAT(y[0].data<const uint8_t>(), ElementsAre(1, 2, 3, 4, 5, 6));
  const std::vector<uint8_t> later = {7, 8, 9};
  auto future = session.run_async({{"file", onward::Tensor::from<uint8_t>({3}, later)}});
  EXPECT_EQ(future.get()[0].bytes(), 3u);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) EXPECT_EQ(run(session, {1, 2, 3})[0].bytes(), 3u);
    });
  threads.clear();
  onward::set_image_decoder({});
  EXPECT_THROW(run(session, {1, 2, 3}), onward::Error);
}

TEST(CApiImage, WhatTheDecoderThrowsIsTheError) {
  const auto throwing = [](auto thrown) {
    return
        [thrown](std::span<const uint8_t>, onward_pixel_format, const onward::ImageResult&) { throw thrown; };
  };
  auto [code, message] = failure(throwing(std::runtime_error("no such format")));
  EXPECT_EQ(code, ONWARD_INVALID_ARGUMENT);
  EXPECT_THAT(message, HasSubstr("ImageDecoder node that makes 'pixels': no such format"));
  std::tie(code, message) = failure(throwing(onward::Error(ONWARD_UNSUPPORTED, "not built in")));
  EXPECT_EQ(code, ONWARD_UNSUPPORTED);
  EXPECT_EQ(failure(throwing(std::bad_alloc())).first, ONWARD_OUT_OF_MEMORY);
  EXPECT_EQ(failure(throwing(3)).first, ONWARD_INTERNAL);
  std::tie(code, message) = failure({});
  EXPECT_EQ(code, ONWARD_UNSUPPORTED);
  EXPECT_THAT(message, HasSubstr("set_image_decoder"));
}

TEST(CApiImage, SizesAreHeldToTheLimits) {
  const auto sized = [](int64_t height, int64_t width) {
    return failure([=](std::span<const uint8_t>, onward_pixel_format, const onward::ImageResult& result) {
             result.pixels(height, width);
           })
        .first;
  };
  EXPECT_EQ(sized(0, 1), ONWARD_INTERNAL);
  EXPECT_EQ(sized(1, -1), ONWARD_INTERNAL);
  EXPECT_NE(sized(INT64_MAX, INT64_MAX), ONWARD_OK);
  onward::set_image_decoder([](std::span<const uint8_t>, onward_pixel_format,
                               const onward::ImageResult& result) { result.pixels(4000, 4000); });
  try {
    run(open_session(), {1}, {.memory_limit_bytes = 1 << 20});
    ADD_FAILURE() << "a picture larger than the run's memory limit";
  } catch (const onward::Error& e) {
    EXPECT_EQ(e.code(), ONWARD_LIMIT_EXCEEDED) << e.what();
  }
  onward::set_image_decoder({});
}

// In C: the decoder is released once, when another takes its place and no run uses it.
TEST(CApiImage, ReleasesOnce) {
  int released = 0;
  const onward_decode_image_fn decode = [](void*, const void*, size_t, onward_pixel_format,
                                           onward_image* image) {
    api().image_fail(image, ONWARD_OK, nullptr);
  };
  const onward_release_fn release = [](void* user) { ++*static_cast<int*>(user); };
  EXPECT_EQ(taken(api().set_image_decoder(decode, &released, release)), "");
  try {
    run(open_session(), {1});
    ADD_FAILURE() << "image_fail is a failure whatever its code";
  } catch (const onward::Error& e) {
    EXPECT_EQ(e.code(), ONWARD_INVALID_ARGUMENT);
  }
  EXPECT_EQ(released, 0);
  EXPECT_EQ(taken(api().set_image_decoder(decode, &released, nullptr)), "");
  EXPECT_EQ(released, 1);
  EXPECT_EQ(taken(api().set_image_decoder(nullptr, nullptr, nullptr)), "");
  EXPECT_EQ(released, 1);
  EXPECT_EQ(api().image_pixels(nullptr, 1, 1), nullptr);
  api().image_fail(nullptr, ONWARD_IO, "");
}

}  // namespace
}  // namespace ow
