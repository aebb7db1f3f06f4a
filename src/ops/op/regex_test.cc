#include "ops/op/regex.h"

#include <gtest/gtest.h>

#include <string>

namespace ow {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.ok()) << pattern << ": " << regex.status().message();
  return regex.ok() && regex->full_match(text);
}

TEST(Regex, MatchesInFullOnly) {
  EXPECT_TRUE(matches("www\\.[\\w.-]+\\.com", "www.a-b.com"));
  EXPECT_FALSE(matches("www\\.[\\w.-]+\\.com", "www.a-b.com/x"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("a|ab|abc", "abc"));
  EXPECT_TRUE(matches("(a|b)*?c{2,3}d?", "abbaccc"));
  EXPECT_FALSE(matches("(a|b)*c{2,3}d?", "abbacccc"));
  EXPECT_TRUE(matches("a{,3}", "a{,3}"));  // no bounds: literal text
}

TEST(Regex, ClassesFlagsAndAssertions) {
  EXPECT_TRUE(matches("[]a-]+", "]-a"));
  EXPECT_TRUE(matches("[^[:alpha:]\\d]*", "!?_"));
  EXPECT_FALSE(matches("[^[:alpha:]\\d]*", "!?1"));
  EXPECT_TRUE(
      matches("(?i)stra\xC3\x9F"
              "e \xCE\xA3",
              "STRA\xC3\x9F"
              "E \xCF\x82"));  // sigma and final sigma
  for (char c : {'a', 'z', 'A', 'Z', '_', '0', '9'}) {
    EXPECT_TRUE(matches("\\w", std::string(1, c)));
    EXPECT_FALSE(matches("\\W|[[:^word:]]", std::string(1, c)));
  }
  for (char c : {'`', '{', '@', '[', '^', '/', ':'}) EXPECT_TRUE(matches("\\W", std::string(1, c)));
  EXPECT_TRUE(matches("(?i:A)b", "ab"));
  EXPECT_FALSE(matches("(?i:A)b", "aB"));
  EXPECT_FALSE(matches("a.b", "a\nb"));
  EXPECT_TRUE(matches("(?s)a.b", "a\nb"));
  EXPECT_TRUE(matches("(?m)a$\\n^b", "a\nb"));
  EXPECT_FALSE(matches("a$\\n^b", "a\nb"));
  EXPECT_TRUE(matches("a\\b b\\Bc", "a bc"));
  EXPECT_TRUE(matches("\\Qa.*\\E+\\x{e9}\\101",
                      "a.**\xC3\xA9"
                      "A"));
}

TEST(Regex, CodePointsNotBytes) {
  EXPECT_TRUE(matches("..", "\xC3\xA9\xF0\x9F\x98\x80"));
  EXPECT_FALSE(matches(".", "\xFF"));
  EXPECT_FALSE(matches("[^a]", "\xC0\x80"));
}

TEST(Regex, FindsTheLeftmostThenTheLongest) {
  const auto found = [](std::string_view pattern, std::string_view text, size_t from = 0) -> std::string {
    auto regex = Regex::compile(pattern);
    EXPECT_TRUE(regex.ok()) << pattern;
    if (!regex.ok()) return "no pattern";
    const auto at = regex->find(text, from);
    return at ? std::to_string(at->first) + "-" + std::to_string(at->second) : "none";
  };
  EXPECT_EQ(found("ab|abc|abcab", "xabcabd"), "1-6");
  EXPECT_EQ(found("abcd|bc", "abcd"), "0-4");  // bc ends first, abcd begins first
  EXPECT_EQ(found("abcd|bc", "abce"), "1-3");
  EXPECT_EQ(found("[a-z]+", "12ab3cd", 4), "5-7");
  EXPECT_EQ(found("[a-z]+?", "12ab3"), "2-4");  // lazy or not: the longest
  EXPECT_EQ(found("x*", "aax"), "0-0");
  EXPECT_EQ(found("x", "aaa"), "none");
  EXPECT_EQ(found("^a", "aa", 1), "none");  // what lies before `from` is seen
  EXPECT_EQ(found("\\bab\\b", "xab ab", 1), "4-6");
  EXPECT_EQ(found("\\B.", "\xC3\xB6x", 2), "none");
  EXPECT_EQ(found(".$", "a\xC3\xB6"), "1-3");
  EXPECT_EQ(found("", ""), "0-0");
  EXPECT_EQ(found("(a*)*b", std::string(20000, 'a')), "none");  // in linear time
}

TEST(Regex, LinearWhereBacktrackingExplodes) {
  EXPECT_FALSE(matches("(a*)*b", std::string(2000, 'a')));
  EXPECT_TRUE(matches("(a?){200}a{200}", std::string(200, 'a')));
}

TEST(Regex, RefusesWhatIsNoRe2Syntax) {
  for (const char* bad : {"(", ")", "[a", "a**", "*a", "\\1", "(?=a)", "(?<!a)", "[z-a]", "\\xg", "a{3,2}",
                          "a{1001}", "[[:foo:]]", "(?P<n", "\\", "\xFF", "\\8"})
    EXPECT_FALSE(Regex::compile(bad).ok()) << bad;
  EXPECT_EQ(Regex::compile("\\pL").status().code(), Code::kUnsupported);
  EXPECT_EQ(Regex::compile("((a{1000}){1000}){1000}").status().code(), Code::kLimitExceeded);
  EXPECT_EQ(Regex::compile("((((){1000}){1000}){1000}){1000}").status().code(), Code::kLimitExceeded);
  EXPECT_EQ(Regex::compile(std::string(100000, '(')).status().code(), Code::kLimitExceeded);
}

}  // namespace
}  // namespace ow
