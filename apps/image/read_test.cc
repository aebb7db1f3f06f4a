// Readers against Pillow's pixels (read_test_data.h, read_test_others.h), and files that must be refused.
// More of each format: tests/cli/image_decoder_test.py.
#include "apps/image/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "apps/image/read_test_data.h"
#include "apps/image/read_test_others.h"

namespace onward::apps {
namespace {

using ::testing::HasSubstr;

std::vector<uint8_t> bytes_of(std::span<const uint8_t> s) { return {s.begin(), s.end()}; }

std::vector<fixtures::Fixture> all_fixtures() {
  std::vector<fixtures::Fixture> all(std::begin(fixtures::kFixtures), std::end(fixtures::kFixtures));
  all.insert(all.end(), std::begin(fixtures::kOtherFixtures), std::end(fixtures::kOtherFixtures));
  return all;
}

fixtures::Fixture fixture(const std::string& name) {
  for (const auto& f : all_fixtures())
    if (f.name == name) return f;
  ADD_FAILURE() << "no fixture " << name;
  return fixtures::kFixtures[0];
}

std::string message_of(std::span<const uint8_t> bytes) {
  try {
    decode_image(bytes, "a.jpg");
  } catch (const FileError& e) {
    return e.what();
  }
  return "";
}

std::vector<uint8_t> interleaved(const Image& image) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i < static_cast<size_t>(image.width) * image.height; ++i) {
    for (int c = 0; c < image.channels; ++c) out.push_back(image.pixels[i * image.channels + c]);
    if (!image.alpha.empty()) out.push_back(image.alpha[i]);
  }
  return out;
}

TEST(ReadImage, MatchesPillow) {
  for (const auto& f : all_fixtures()) {
    const Image image = decode_image(f.file, f.name);
    ASSERT_EQ(image.width, f.width) << f.name;
    ASSERT_EQ(image.height, f.height) << f.name;
    ASSERT_EQ(image.channels + (image.alpha.empty() ? 0 : 1), f.channels) << f.name;
    const std::vector<uint8_t> got = interleaved(image);
    ASSERT_EQ(got.size(), f.pixels.size()) << f.name;
    const bool lossy = std::string(f.name).starts_with("jpeg_");
    const int tolerance = lossy ? 2 : 0;
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], f.pixels[i], tolerance) << f.name << " sample " << i;
  }
}

// What is cut off is missed, unless the picture is whole without it: an end marker, padding.
TEST(ReadImage, EveryTruncationIsRefused) {
  for (const auto& f : all_fixtures()) {
    const std::vector<uint8_t> whole = interleaved(decode_image(f.file, f.name));
    for (size_t n = 0; n < f.file.size(); ++n) {
      // In memory of its own, so that a sanitizer sees a read past the end.
      const std::vector<uint8_t> cut = bytes_of(f.file.subspan(0, n));
      try {
        EXPECT_EQ(interleaved(decode_image(cut, f.name)), whole)
            << "cut to " << n << " of " << f.file.size() << " bytes";
        EXPECT_GT(n + 5, f.file.size()) << f.name << " is read from " << n << " of so many bytes";
      } catch (const FileError&) {
      }
    }
  }
}

TEST(ReadImage, DamageNeverCrashes) {
  for (const auto& f : all_fixtures()) {
    for (size_t i = 0; i < f.file.size(); ++i) {
      for (const int flip : {0xff, 0x01, 0x80}) {
        std::vector<uint8_t> bytes = bytes_of(f.file);
        bytes[i] ^= static_cast<uint8_t>(flip);
        // A flipped byte may give another picture, as large as a header may claim.
        try {
          const Image image = decode_image(bytes, "x");
          EXPECT_LE(static_cast<int64_t>(image.width) * image.height, kMaxPixels);
        } catch (const FileError&) {
        }
      }
    }
  }
}

TEST(ReadImage, ThreadsDoNotMeet) {
  const auto all = all_fixtures();
  std::vector<std::jthread> threads;
  for (size_t first = 0; first < 4; ++first)
    threads.emplace_back([&all, first] {
      for (size_t n = 0; n < 3 * all.size(); ++n) {
        const auto& f = all[(first * 11 + n) % all.size()];
        EXPECT_EQ(decode_image(f.file, f.name).width, f.width) << f.name;
        EXPECT_THROW(decode_image(f.file.first(f.file.size() / 2), f.name), FileError) << f.name;
      }
    });
}

TEST(ReadImage, ExifIsAppliedOrNot) {
  for (const char* name : {"jpeg_exif_6", "png_exif_6", "webp_exif_6"}) {
    const auto f = fixture(name);
    const Image as_stored = decode_image(f.file, name, Exif::kIgnore);
    EXPECT_EQ(as_stored.width, f.height) << name;
    EXPECT_EQ(decode_image(f.file, name).width, f.width) << name;
  }
  const auto f = fixture("tiff_exif_6");  // TIFF's own orientation
  EXPECT_EQ(decode_image(f.file, "tiff", Exif::kIgnore).width, f.width);
}

TEST(ReadImage, RefusesTooManyPixelsFromTheHeader) {
  EXPECT_THAT(message_of(fixtures::png_huge_file), HasSubstr("a.jpg: the PNG is 100000 x 100000 pixels"));
  EXPECT_THAT(message_of(fixtures::jpeg_huge_file), HasSubstr("a.jpg: the JPEG is 65500 x 65500 pixels"));
}

TEST(ReadImage, RefusesManyScans) {
  const auto progressive = bytes_of(fixture("jpeg_progressive").file);
  // The first scan runs from its marker to the next one that is no stuffed byte.
  const uint8_t start_of_scan[] = {0xff, 0xda};
  const auto first =
      std::search(progressive.begin(), progressive.end(), std::begin(start_of_scan), std::end(start_of_scan));
  const auto last =
      std::adjacent_find(first + 2, progressive.end(), [](int a, int b) { return a == 0xff && b != 0; });
  std::vector<uint8_t> bytes(progressive.begin(), last);
  for (int i = 0; i < 2 * kMaxJpegScans; ++i) bytes.insert(bytes.end(), first, last);
  bytes.insert(bytes.end(), last, progressive.end());
  EXPECT_THAT(message_of(bytes), HasSubstr("more than 100 scans"));
}

TEST(ReadImage, NamesTheFileAndTheReason) {
  EXPECT_THAT(message_of({}), HasSubstr("a.jpg: the file is empty"));
  const uint8_t text[] = {'h', 'e', 'l', 'l', 'o', ' ', 'a', 'l', 'l'};
  EXPECT_THAT(message_of(text), HasSubstr("a.jpg: not a picture"));
  try {
    read_image("/nowhere/b.jpg");
    FAIL();
  } catch (const FileError& e) {
    EXPECT_THAT(e.what(), HasSubstr("/nowhere/b.jpg: cannot be opened: No such file"));
  }
  EXPECT_THROW(read_image("/"), FileError);
  EXPECT_FALSE(is_image_file("/nowhere/b.jpg"));
  EXPECT_FALSE(is_image_file("/"));
}

}  // namespace
}  // namespace onward::apps
