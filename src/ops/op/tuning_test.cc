// The file of the quickest methods: what is found in it, what is measured and kept, and files that are none.
#include "ops/op/tuning.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace ow {
namespace {

class TuningFile : public testing::Test {
 protected:
  TuningFile() { std::filesystem::create_directories(folder_); }
  ~TuningFile() override { std::filesystem::remove_all(folder_); }
  std::string path(const char* name = "deep/below/tuning.txt") const { return folder_ / name; }
  static std::string read(const std::string& path) {
    const auto file = MappedFile::open(path);
    EXPECT_TRUE(file.ok()) << file.status().message();
    return file.ok() ? std::string((*file)->text()) : "";
  }
  static void write(const std::string& path, std::string_view text) {
    const Status s = write_file(path, {{text}});
    EXPECT_TRUE(s.ok()) << s.message();
  }
  // Chooses among three methods of which the second is the quickest; returns how many were measured.
  static int choose(Tuning& t, std::string_view task, std::optional<size_t> want) {
    constexpr std::string_view kMethods[] = {"slow", "quick", "fails"};
    int measured = 0;
    const auto got = t.choose(task, kMethods, [&](size_t i, double& seconds) {
      ++measured;
      if (i < 2) seconds = i == 1 ? 0.5 : 1.0;
    });
    EXPECT_EQ(got, want) << task;
    return measured;
  }

 private:
  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() /
                                        (std::string("onward_tuning_") + std::to_string(::getpid()) + "_" +
                                         testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(TuningFile, KeepsWhatWasMeasured) {
  Tuning first(TuningUse::kSearch, path());
  EXPECT_EQ(choose(first, "a", 1), 3);
  EXPECT_EQ(choose(first, "a", 1), 0) << "measured twice";
  ASSERT_TRUE(first.save().ok());
  Tuning known(TuningUse::kKnown, path());
  EXPECT_EQ(choose(known, "a", 1), 0);
  EXPECT_EQ(choose(known, "b", std::nullopt), 0);
  EXPECT_TRUE(known.save().ok());
  Tuning off(TuningUse::kOff, path());
  EXPECT_EQ(choose(off, "a", std::nullopt), 0);
}

TEST_F(TuningFile, AddsToWhatOthersSaved) {
  Tuning one(TuningUse::kSearch, path()), two(TuningUse::kSearch, path());
  choose(one, "a", 1);
  choose(two, "b", 1);
  ASSERT_TRUE(one.save().ok());
  ASSERT_TRUE(two.save().ok());
  write(path(), read(path()) + "another processor\ta\tslow\n");
  Tuning all(TuningUse::kSearch, path());
  EXPECT_EQ(choose(all, "a", 1) + choose(all, "b", 1), 0);
  EXPECT_EQ(choose(all, "c", 1), 3);
  ASSERT_TRUE(all.save().ok());
  EXPECT_NE(read(path()).find("another processor\ta\tslow\n"), std::string::npos);
}

TEST_F(TuningFile, DamagedFilesCostTheSearchAlone) {
  Tuning good(TuningUse::kSearch, path("good"));
  choose(good, "a", 1);
  ASSERT_TRUE(good.save().ok());
  const std::string text = read(path("good"));
  ASSERT_NE(text.rfind("quick"), std::string::npos);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    write(path("cut"), text.substr(0, cut));
    Tuning t(TuningUse::kKnown, path("cut"));
    choose(t, "b", std::nullopt);
  }
  // A method that this build does not have is measured again.
  std::string other = text;
  other.replace(other.rfind("quick"), 5, "lost!");
  write(path("other"), other);
  Tuning t(TuningUse::kSearch, path("other"));
  EXPECT_EQ(choose(t, "a", 1), 3);
}

TEST_F(TuningFile, NoPlaceToWriteIsSaid) {
  write(path("file"), "not a folder");
  Tuning t(TuningUse::kSearch, path("file/tuning.txt"));
  choose(t, "a", 1);
  const Status s = t.save();
  ASSERT_FALSE(s.ok());
  EXPECT_NE(s.message().find("tuning.txt"), std::string_view::npos) << s.message();
}

TEST_F(TuningFile, IsAskedWithinItsScopeOnly) {
  EXPECT_EQ(Tuning::current(), nullptr);
  Tuning t(TuningUse::kSearch, path());
  {
    const TuningScope scope(&t);
    EXPECT_EQ(Tuning::current(), &t);
  }
  EXPECT_EQ(Tuning::current(), nullptr);
}

}  // namespace
}  // namespace ow
