// Tokenizer against what ONNX Runtime's contributed operator of that name gives for the same strings.
#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

using Strings = std::vector<std::string>;

// Tokens end in ',', strings in '|'; or the error's message.
std::string tokens(const Strings& x, ir::Attributes more, bool mark = false, int64_t least = 1) {
  more.emplace("mark", int64_t{mark});
  more.emplace("mincharnum", least);
  more.emplace("pad_value", std::string("#"));
  Tensor texts = Tensor::of<std::string>({static_cast<int64_t>(x.size())}, x);
  auto y = evaluate_op("Tokenizer", {texts}, 1, more, "com.microsoft");
  if (!y.ok()) return std::string(y.status().message());
  const Tensor& found = *(*y)[0].tensor();
  std::string out;
  for (int64_t i = 0; i < found.dim(0); ++i) {
    for (int64_t j = 0; j < found.dim(1); ++j) out += found.data<std::string>()[i * found.dim(1) + j] + ",";
    out += "|";
  }
  return out;
}

ir::Attributes pattern(const std::string& text) { return {{"tokenexp", text}}; }
ir::Attributes separators(Strings texts) { return {{"separators", ir::Strings(texts.begin(), texts.end())}}; }

TEST(Tokenizer, MatchesOfAPattern) {
  EXPECT_EQ(tokens({"a bc  def", ""}, pattern("[a-z]+")), "a,bc,def,|#,#,#,|");
  EXPECT_EQ(tokens({"a bc  def", ""}, pattern("[a-z]*")), "a,bc,def,|#,#,#,|");
  EXPECT_EQ(tokens({"abcabcd"}, pattern("ab|abc|abcab")), "abcab,|");
  EXPECT_EQ(tokens({"xay"}, pattern("a$|y$|^x")), "x,y,|");
  EXPECT_EQ(tokens({"abab"}, pattern("^ab")), "ab,|");
  EXPECT_EQ(tokens({"ab\ncd"}, pattern("^c.")), "|");
  EXPECT_EQ(tokens({"aaa", "\xC3\xB6"}, pattern("x*")), "||");
}

TEST(Tokenizer, PiecesBetweenSeparators) {
  EXPECT_EQ(tokens({"a b;c  d;ef", ""}, separators({" ", ";"}), true, 2), "\x02,ef,\x03,|\x02,\x03,#,|");
  EXPECT_EQ(tokens({"a--b---c"}, separators({"-+"})), "a,b,c,|");
  EXPECT_EQ(tokens({"a--b---c"}, separators({"-*"})), "|");
  EXPECT_EQ(tokens({"xxay"}, separators({"^x"})), "xay,|");
  EXPECT_EQ(tokens({"ab ab"}, separators({" ", "^a"})), "b,b,|");
  EXPECT_EQ(tokens({"ab abx"}, separators({" ", ""})), "|");
}

TEST(Tokenizer, CharactersNotBytes) {
  EXPECT_EQ(tokens({"a\xC3\xB6 b", "x"}, separators({""}), true),
            "\x02,a,\xC3\xB6, ,b,\x03,|\x02,x,\x03,#,#,#,|");
  EXPECT_EQ(tokens({"a\xC3\xB6"}, pattern(".")), "a,\xC3\xB6,|");
  EXPECT_EQ(tokens({"a\xC3\xB6 b"}, pattern("[^ ]+"), false, 2), "a\xC3\xB6,|");
}

TEST(Tokenizer, NoTokensNoMarks) {
  EXPECT_EQ(tokens({"", ""}, pattern("x"), true), "||");
  EXPECT_EQ(tokens({}, pattern("x")), "");
}

TEST(Tokenizer, RefusesWhatMeansNothing) {
  EXPECT_NE(tokens({"a"}, pattern("(a")).find("tokenexp"), std::string::npos);
  EXPECT_NE(tokens({"a"}, {}).find("separators"), std::string::npos);
  EXPECT_NE(tokens({"a"}, pattern("a"), false, 0).find("mincharnum"), std::string::npos);
  EXPECT_NE(tokens({"a"}, pattern("."), false, 2).find("mincharnum"), std::string::npos);
  EXPECT_FALSE(evaluate_op("Tokenizer", {Tensor::scalar(std::string("a"))}, 1,
                           {{"mark", int64_t{0}},
                            {"mincharnum", int64_t{1}},
                            {"pad_value", std::string()},
                            {"tokenexp", std::string("a")}},
                           "com.microsoft")
                   .ok());
}

}  // namespace
}  // namespace ow
