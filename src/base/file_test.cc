// What MappedFile::hold promises: bytes are there while they are held, leave memory afterwards, and come back
// as they were, or not at all.
#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

namespace ow {
namespace {

class HeldFile : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("onward_held_" + std::to_string(::getpid()));
    for (size_t i = 0; i < text_.size(); ++i) text_[i] = static_cast<char>('a' + i * 7 / 5 % 23);
    write(text_);
    auto opened = MappedFile::open(path_.string());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    file_ = *opened;
  }
  void TearDown() override { std::filesystem::remove(path_); }

  void write(const std::string& text) const { write(path_, text); }
  static void write(const std::filesystem::path& path, const std::string& text) {
    FILE* f = std::fopen(path.c_str(), "wb");
    ASSERT_TRUE(f && std::fwrite(text.data(), 1, text.size(), f) == text.size() && std::fclose(f) == 0);
  }
  std::span<const std::byte> part() const { return file_->bytes().subspan(12345, 700'001); }
  bool part_is_there() const { return std::memcmp(part().data(), text_.data() + 12345, part().size()) == 0; }
  bool rest_is_there() const {
    const auto all = file_->text();
    return all.substr(0, 12345) == text_.substr(0, 12345) && all.substr(712'346) == text_.substr(712'346);
  }

  std::filesystem::path path_;
  std::string text_ = std::string(2'000'000, ' ');
  std::shared_ptr<MappedFile> file_;
};

TEST_F(HeldFile, LeavesMemoryAndComesBack) {
  auto first = *file_->hold(part()), second = *file_->hold(part());
  EXPECT_TRUE(part_is_there());
  first.reset();
  EXPECT_TRUE(part_is_there()) << "somebody else holds it";
  second.reset();
  EXPECT_FALSE(part_is_there()) << "nobody holds it, but its pages have not left memory";
  EXPECT_TRUE(rest_is_there());
  const auto again = *file_->hold(part());
  EXPECT_TRUE(part_is_there());
  EXPECT_TRUE(rest_is_there());
}

TEST_F(HeldFile, ComesBackFromAFileThatWasReplaced) {
  file_->hold(part())->reset();
  const auto other = path_.string() + "-other";
  write(other, "another model");
  std::filesystem::rename(other, path_);
  const auto again = *file_->hold(part());
  EXPECT_TRUE(part_is_there());
}

TEST_F(HeldFile, RefusesAFileThatWasChanged) {
  file_->hold(part())->reset();
  write("a file cut short");
  const auto again = file_->hold(part());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.status().code(), Code::kIo);
  EXPECT_NE(again.status().message().find("was changed"), std::string::npos) << again.status().message();
  EXPECT_TRUE(rest_is_there());
}

TEST_F(HeldFile, OutlivesWhoOpenedIt) {
  auto held = *file_->hold(part());
  const std::span<const std::byte> bytes = part();
  file_.reset();
  EXPECT_EQ(std::memcmp(bytes.data(), text_.data() + 12345, bytes.size()), 0);
}

// Small parts, and memory that is the caller's, just stay.
TEST_F(HeldFile, SmallPartsStay) {
  file_->hold(file_->bytes().subspan(100, 20'000))->reset();
  EXPECT_EQ(file_->text(), text_);
  const auto borrowed = MappedFile::borrow(std::as_bytes(std::span(text_)));
  const std::string before = text_;
  borrowed->hold(borrowed->bytes())->reset();
  EXPECT_EQ(text_, before);
}

}  // namespace
}  // namespace ow
