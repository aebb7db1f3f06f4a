#include "apps/image/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "apps/file.h"
#include "apps/image/exif.h"
#include "apps/image/read.h"

namespace onward::apps {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

Image pattern(int width, int height, int channels, bool alpha) {
  Image image(width, height, channels);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 37 % 251);
  for (int i = 0; alpha && i < width * height; ++i) image.alpha.push_back(static_cast<uint8_t>(i * 13 % 256));
  return image;
}

class WriteImage : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "onward_write_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  size_t files() const { return std::distance(fs::directory_iterator(folder_), {}); }
  fs::path folder_;
};

TEST_F(WriteImage, PngReadsBackExactly) {
  for (int channels : {1, 3}) {
    for (bool alpha : {false, true}) {
      const Image image = pattern(13, 7, channels, alpha);
      write_image(path("a.PNG"), image);
      const Image back = read_image(path("a.PNG"));
      EXPECT_EQ(back.channels, channels);
      EXPECT_EQ(back.pixels, image.pixels);
      EXPECT_EQ(back.alpha, image.alpha);
    }
  }
  EXPECT_EQ(files(), 1u);
}

TEST_F(WriteImage, JpegReadsBackNearlyAndAlphaIsLaidOnWhite) {
  Image image(32, 24, 3);
  for (int y = 0; y < 24; ++y)
    for (int x = 0; x < 32; ++x) {
      image.at(x, y)[0] = static_cast<uint8_t>(8 * x);
      image.at(x, y)[1] = static_cast<uint8_t>(10 * y);
      image.at(x, y)[2] = static_cast<uint8_t>(128);
    }
  write_image(path("a.jpg"), image);
  const Image back = read_image(path("a.jpg"));
  for (size_t i = 0; i < image.pixels.size(); ++i) ASSERT_NEAR(back.pixels[i], image.pixels[i], 6);
  image.alpha.assign(32 * 24, 0);
  write_image(path("b.jpeg"), image);
  const Image blank = read_image(path("b.jpeg"));
  for (uint8_t v : blank.pixels) ASSERT_GE(v, 253);
}

TEST_F(WriteImage, FailuresLeaveNothingBehind) {
  const Image image = pattern(4, 4, 3, false);
  const auto message = [&](const std::string& to) {
    try {
      write_image(to, image);
    } catch (const FileError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_THAT(message(path("a.gif")), HasSubstr("a.gif: the name ends in neither"));
  EXPECT_THAT(message(path("none/a.png")),
              HasSubstr("none/a.png: cannot be written: No such file or directory"));
  fs::create_directory(path("b.png"));
  EXPECT_THAT(message(path("b.png")), HasSubstr("b.png: exists and is not an ordinary file"));
  EXPECT_EQ(files(), 1u);
  EXPECT_FALSE(can_write_image("x.d/png"));
  EXPECT_TRUE(can_write_image("x.JPG"));
}

TEST_F(WriteImage, KeepsTheModeOfTheFileItReplaces) {
  write_file(path("a"), {});
  ::chmod(path("a").c_str(), 0640);
  const uint8_t bytes[] = {1, 2, 3};
  write_file(path("a"), bytes);
  EXPECT_EQ(fs::file_size(path("a")), 3u);
  EXPECT_EQ(static_cast<unsigned>(fs::status(path("a")).permissions()), 0640u);
}

TEST(Exif, MalformedBlocksAreUpright) {
  std::vector<uint8_t> app1 = {'E', 'x', 'i',  'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,
                               1,   0,   0x12, 1,   3, 0, 1,   0,   0,  0, 6, 0, 0, 0};
  EXPECT_EQ(exif_orientation(app1), 6);
  for (size_t n = 0; n < 26; ++n) EXPECT_EQ(exif_orientation(std::span(app1).first(n)), 1) << n;
  auto bad = app1;
  bad[24] = 9;
  EXPECT_EQ(exif_orientation(bad), 1);
  bad = app1;
  bad[10] = bad[11] = bad[12] = bad[13] = 0xff;
  EXPECT_EQ(exif_orientation(bad), 1);
  bad = app1;
  bad[14] = bad[15] = 0xff;
  bad[16] = 0;
  EXPECT_EQ(exif_orientation(bad), 1);
}

}  // namespace
}  // namespace onward::apps
