// Regular expressions in RE2's syntax, matched in time linear in the text.
//
// Text and pattern are UTF-8. Supported: literals, ., classes (ranges, negation, [:posix:], \d \s \w and
// their complements), groups of every kind, flags i m s U, alternation, greedy and lazy repetition (bounds up
// to 1000), ^ $ \A \z \b \B, \Q..\E and the character escapes. Unicode property classes (\p{..}) and \C are
// refused as Unsupported; back references and look-around are no RE2 syntax. Case folding compares simple
// case mappings.
//
// The pattern becomes a Thompson automaton; a match runs all its states abreast, one code point at a time.
#pragma once
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace ow {

// A set of code points: ranges in any order, with the ASCII part ready as bits once `seal` was called.
struct CodePointSet {
  std::vector<std::pair<char32_t, char32_t>> ranges;
  bool negated = false, fold_case = false;
  std::bitset<128> ascii;

  void seal();
  bool has(char32_t c) const { return c < 128 ? ascii[c] : has_slowly(c); }

 private:
  bool has_slowly(char32_t c) const;
};

enum class RegexAssertion : uint8_t {
  kTextBegin,
  kTextEnd,
  kLineBegin,
  kLineEnd,
  kWordBoundary,
  kNoWordBoundary
};

class Regex {
 public:
  // Errors: InvalidArgument (no RE2 syntax: what and at which byte), Unsupported, LimitExceeded (too large).
  static Result<Regex> compile(std::string_view pattern);
  bool full_match(std::string_view text) const;
  // The leftmost match that begins at byte `from` (a code point's first) or later, and of those the longest:
  // its first byte and the byte after it. Assertions see all of `text`.
  std::optional<std::pair<size_t, size_t>> find(std::string_view text, size_t from) const;

 private:
  friend class RegexCompiler;
  struct Instruction {
    enum Kind : uint8_t { kSet, kSplit, kAssert, kMatch } kind = kMatch;
    RegexAssertion assertion = RegexAssertion::kTextBegin;
    int32_t next = -1, other = -1;  // kSplit: both; else `next`
    int32_t set = -1;
  };
  struct States;
  void follow(int32_t start, char32_t before, char32_t after, States& states) const;

  std::vector<Instruction> code_;
  std::vector<CodePointSet> sets_;
  int32_t start_ = 0;
};

}  // namespace ow
