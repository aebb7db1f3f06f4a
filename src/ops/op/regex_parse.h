// The syntax tree of a regular expression; see regex.h for the syntax.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "ops/op/regex.h"

namespace ow {

struct RegexNode {
  enum Kind { kEmpty, kSet, kAssert, kSequence, kChoice, kRepeat } kind = kEmpty;
  CodePointSet set;
  RegexAssertion assertion = RegexAssertion::kTextBegin;
  std::vector<RegexNode> parts;  // kRepeat: one
  int least = 0, most = -1;      // kRepeat; most < 0: no bound
};

Result<RegexNode> parse_regex(std::string_view pattern);

}  // namespace ow
