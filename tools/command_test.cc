// What the commands decide before they run anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "apps/file.h"
#include "apps/image/write.h"
#include "tools/colorize_jobs.h"
#include "tools/command.h"
#include "tools/inputs.h"
#include "tools/outputs.h"
#include "tools/progress.h"
#include "tools/session_flags.h"

namespace onward::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

template <class E, class Fn>
std::string thrown(const Fn& fn) {
  try {
    fn();
  } catch (const E& e) {
    return e.what();
  }
  return "";
}

class ColorizeJobs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "onward_jobs_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "in/deep");
    fs::create_directories(root_ / "in/out");
    for (const char* picture : {"in/b.jpg", "in/a.png", "in/deep/c.png", "in/out/old.png", "d.png"})
      apps::write_image(path(picture), apps::Image(1, 1, 1));
    fs::copy_file(path("d.png"), path("in/no_ending"));
    std::ofstream(path("in/notes.txt")) << "text";
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string path(const std::string& name) const { return (root_ / name).string(); }
  std::vector<std::string> outputs(const std::vector<std::string>& inputs, const std::string& out) const {
    std::vector<std::string> names;
    for (const ColorizeJob& job : plan_colorize(inputs, out))
      names.push_back(fs::relative(job.output, root_).string());
    return names;
  }
  fs::path root_;
};

TEST_F(ColorizeJobs, OneFileOrAFolder) {
  EXPECT_EQ(outputs({path("d.png")}, path("x.jpg")), (std::vector<std::string>{"x.jpg"}));
  EXPECT_EQ(outputs({path("d.png")}, path("new")), (std::vector<std::string>{"new/d.png"}));
  EXPECT_EQ(outputs({path("d.png")}, path("x.gif/")), (std::vector<std::string>{"x.gif/d.png"}));
  EXPECT_EQ(outputs({path("d.png"), path("in/../d.png"), path("in/no_ending")}, path("new")),
            (std::vector<std::string>{"new/d.png", "new/d_2.png", "new/no_ending.png"}));
}

TEST_F(ColorizeJobs, FoldersAreWalkedAndTheirOwnOutputsLeftOut) {
  EXPECT_EQ(outputs({path("in")}, path("in/out")),
            (std::vector<std::string>{"in/out/a.png", "in/out/b.jpg", "in/out/deep/c.png",
                                      "in/out/no_ending.png"}));
  EXPECT_THAT(thrown<apps::FileError>([&] {
                fs::create_directory(path("empty"));
                plan_colorize({path("empty")}, path("new"));
              }),
              HasSubstr("no picture in this folder; expected JPEG"));
}

TEST_F(ColorizeJobs, AnInputIsNeverOverwritten) {
  EXPECT_THAT(plan_colorize({path("d.png")}, path("in/../d.png"))[0].refused,
              HasSubstr("would overwrite an input"));
  fs::create_symlink(path("d.png"), path("link.png"));
  EXPECT_THAT(plan_colorize({path("d.png")}, path("link.png"))[0].refused, HasSubstr("would overwrite"));
  for (const ColorizeJob& job : plan_colorize({path("in")}, path("in")))
    EXPECT_EQ(job.refused.empty(), job.output == path("in/no_ending.png")) << job.output;
}

TEST_F(ColorizeJobs, RefusesAnOutputThatFitsNothing) {
  const auto message = [&](const std::vector<std::string>& inputs, const std::string& out) {
    return thrown<UsageError>([&] { plan_colorize(inputs, out); });
  };
  EXPECT_THAT(message({path("d.png")}, path("x.gif")), HasSubstr("ends in neither"));
  EXPECT_THAT(message({path("d.png"), path("in/a.png")}, path("x.png")), HasSubstr("one file for several"));
  EXPECT_THAT(message({path("in")}, path("in/notes.txt")), HasSubstr("is no folder"));
  EXPECT_THAT(message({path("in")}, ""), HasSubstr("empty"));
}

TEST(Shapes, Parse) {
  std::vector<int64_t> dims;
  EXPECT_TRUE(parse_shape("1x3x224", dims));
  EXPECT_EQ(dims, (std::vector<int64_t>{1, 3, 224}));
  EXPECT_TRUE(parse_shape("0", dims));
  for (const char* bad : {"", "x", "1x", "x1", "1xx2", "-1", "1x-2", "a", "1 x2", "99999999999999999999"})
    EXPECT_FALSE(parse_shape(bad, dims)) << bad;
}

TEST(Shapes, OpenDimensionsAreSettled) {
  const ValueInfo input{"x",  "float[N,?,h,h]", ONWARD_TENSOR,      ONWARD_FLOAT32,
                        true, {-1, 3, -1, -1},  {"N", "", "h", "h"}};
  std::map<std::string, int64_t> symbols = {{"h", 8}};
  EXPECT_EQ(settle_shape(input, symbols), (std::vector<int64_t>{1, 3, 8, 8}));
  EXPECT_EQ(symbols.at("N"), 1);
  std::map<std::string, int64_t> none;
  EXPECT_THAT(thrown<UsageError>([&] { settle_shape(input, none); }),
              HasSubstr("input 'x' is float[N,?,h,h]: axis 2 is open; give --shape 'h=N'"));
  ValueInfo any = input;
  any.has_rank = false;
  EXPECT_THAT(thrown<UsageError>([&] { settle_shape(any, none); }), HasSubstr("of any rank"));
}

TEST(RandomTensor, IsRepeatableAndInRange) {
  uint64_t a = 5, b = 5, c = 6;
  const Value x = random_tensor(ONWARD_FLOAT32, {4, 50}, a, "x"),
              y = random_tensor(ONWARD_FLOAT32, {4, 50}, b, "x");
  const Value z = random_tensor(ONWARD_FLOAT32, {4, 50}, c, "x");
  const auto vx = x.data<const float>(), vy = y.data<const float>(), vz = z.data<const float>();
  EXPECT_TRUE(std::equal(vx.begin(), vx.end(), vy.begin()));
  EXPECT_FALSE(std::equal(vx.begin(), vx.end(), vz.begin()));
  for (float v : vx) EXPECT_TRUE(v >= 0 && v < 1);
  for (onward_dtype t : {ONWARD_FLOAT16, ONWARD_BFLOAT16, ONWARD_FLOAT8E4M3FN, ONWARD_FLOAT8E5M2}) {
    const auto summary = summarize("v", random_tensor(t, {100}, a, "v"));
    EXPECT_GE(summary["min"], 0) << type_name(t);
    EXPECT_LT(summary["max"], 1.01) << type_name(t);
    EXPECT_GT(summary["max"], 0) << type_name(t);
  }
  const Value indices = random_tensor(ONWARD_INT64, {100}, a, "v");
  for (int64_t v : indices.data<const int64_t>()) EXPECT_TRUE(v >= 0 && v < 10);
  EXPECT_THAT(thrown<UsageError>([&] {
                random_tensor(ONWARD_INT8, {int64_t{1} << 40, 1 << 20}, a, "big");
              }),
              HasSubstr("input 'big': more than 16 GiB"));
}

TEST(Outputs, NamesAreSafe) {
  EXPECT_EQ(safe_name("a/b:c d"), "a_b_c_d");
  EXPECT_EQ(safe_name("../../etc"), "_.._.._etc");
  EXPECT_EQ(safe_name(""), "_");
  EXPECT_EQ(safe_name(std::string(500, 'x')).size(), 200u);
}

TEST(Outputs, SummaryCountsFiniteValuesOnly) {
  const float values[] = {1, 3, NAN, INFINITY};
  const Value t = Tensor::from<float>({2, 2}, std::span<const float>(values));
  const auto s = summarize("y", t);
  EXPECT_EQ(s["mean"], 2.0);
  EXPECT_EQ(s["nan_count"], 1);
  EXPECT_EQ(summary_text(s), "y  float32 [2,2]  min 1  max 3  mean 2  NaN: 1");
}

TEST(Timing, PercentilesInterpolate) {
  const Timing t = timing_of({5, 1, 4, 2, 3});
  EXPECT_DOUBLE_EQ(t.median, 3);
  EXPECT_DOUBLE_EQ(t.p10, 1.4);
  EXPECT_DOUBLE_EQ(t.p90, 4.6);
  EXPECT_DOUBLE_EQ(timing_of({7}).p90, 7);
}

TEST(ProgressLine, SaysHowFarAndHowLong) {
  EXPECT_EQ(progress_line(0, 4, 0, "a.jpg", 80), "[" + std::string(24, ' ') + "] 0/4  a.jpg");
  EXPECT_EQ(progress_line(2, 4, 65, "b", 80),
            "[" + std::string(12, '#') + std::string(12, ' ') + "] 2/4  1 min 5 s left  b");
  EXPECT_EQ(progress_line(1, 4, 1, std::string(200, 'x'), 40).size(), 39u);
}

}  // namespace
}  // namespace onward::tools
