// A recursive descent over the pattern's code points. Flags hold until the end of the group they are set in.
#include "ops/op/regex_parse.h"

#include <optional>

#include "ops/op/text_case.h"

namespace ow {
namespace {

constexpr int kMaxRepeat = 1000, kMaxDepth = 200;
constexpr char32_t kLast = 0x10FFFF;

struct NamedClass {
  std::string_view name, ranges;  // pairs of first and last, ascending
};
constexpr NamedClass kPosix[] = {
    {"alnum", "09AZaz"},   {"alpha", "AZaz"},   {"ascii", std::string_view("\0\x7F", 2)},
    {"blank", "\t\t  "},   {"digit", "09"},     {"cntrl", std::string_view("\0\x1F\x7F\x7F", 4)},
    {"graph", "!~"},       {"lower", "az"},     {"print", " ~"},
    {"punct", "!/:@[`{~"}, {"space", "\t\r  "}, {"upper", "AZ"},
    {"word", "09AZ__az"},  {"xdigit", "09AFaf"}};

// \d, \s, \w; RE2's \s has no vertical tab.
std::string_view perl_class(char32_t c) {
  return c == 'd' || c == 'D'   ? "09"
         : c == 's' || c == 'S' ? "\t\n\f\r  "
         : c == 'w' || c == 'W' ? "09AZ__az"
                                : "";
}

void add_ranges(CodePointSet& set, std::string_view pairs, bool complement) {
  const auto at = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(pairs[i])); };
  if (!complement) {
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) set.ranges.emplace_back(at(i), at(i + 1));
    return;
  }
  char32_t from = 0;  // pairs ascend
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (at(i) > from) set.ranges.emplace_back(from, at(i) - 1);
    from = at(i + 1) + 1;
  }
  set.ranges.emplace_back(from, kLast);
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_hexadecimal(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  Result<RegexNode> parse() {
    RegexNode node = ONWARD_TRY(choice(0));
    if (at_ < text_.size()) return fail("has a ')' without '('");
    return node;
  }

 private:
  struct Flags {
    bool fold = false, multi_line = false, dot_newline = false;
  };

  template <class... T>
  Status fail(const T&... parts) const {
    return invalid_argument(parts..., " at byte ", at_);
  }
  bool done() const { return at_ >= text_.size(); }
  bool next_is(std::string_view s) const { return text_.substr(at_).starts_with(s); }
  bool take(std::string_view s) {
    if (!next_is(s)) return false;
    at_ += s.size();
    return true;
  }
  Result<char32_t> code_point() {
    if (done()) return fail("ends too early");
    const char32_t c = next_code_point(text_, &at_);
    if (c == kInvalidCodePoint) return fail("is not valid UTF-8");
    return c;
  }

  RegexNode literal(char32_t c) const {
    RegexNode n{.kind = RegexNode::kSet};
    n.set.ranges = {{c, c}};
    return sealed(std::move(n));
  }
  RegexNode sealed(RegexNode n) const {
    n.set.fold_case = flags_.fold;
    n.set.seal();
    return n;
  }
  static RegexNode assertion(RegexAssertion a) { return {.kind = RegexNode::kAssert, .assertion = a}; }

  Result<RegexNode> choice(int depth);
  Result<RegexNode> sequence(int depth);
  Result<std::optional<RegexNode>> atom(int depth);
  Result<std::optional<RegexNode>> group(int depth);
  Status flags(bool* group_opens);
  Result<RegexNode> escape();
  Result<char32_t> escaped_character(char32_t c);
  Result<char32_t> hexadecimal();
  Result<RegexNode> bracket();
  Status bracket_item(CodePointSet& set);
  Result<char32_t> bracket_character();
  Status repetitions(RegexNode& node);
  Result<bool> repetition(RegexNode& node);
  bool bounds(int* least, int* most);

  std::string_view text_;
  size_t at_ = 0;
  Flags flags_;
};

Result<RegexNode> Parser::choice(int depth) {
  if (depth > kMaxDepth) return limit_exceeded("nests deeper than ", kMaxDepth, " groups");
  RegexNode node{.kind = RegexNode::kChoice};
  do {
    node.parts.push_back(ONWARD_TRY(sequence(depth)));
  } while (take("|"));
  return node;
}

Result<RegexNode> Parser::sequence(int depth) {
  RegexNode node{.kind = RegexNode::kSequence};
  while (!done() && !next_is("|") && !next_is(")")) {
    if (take("\\Q")) {
      const size_t first = node.parts.size();
      while (!done() && !take("\\E")) node.parts.push_back(literal(ONWARD_TRY(code_point())));
      if (node.parts.size() > first) ONWARD_TRY(repetitions(node.parts.back()));
      continue;
    }
    auto part = ONWARD_TRY(atom(depth));
    if (!part) continue;
    ONWARD_TRY(repetitions(*part));
    node.parts.push_back(*std::move(part));
  }
  return node;
}

Result<std::optional<RegexNode>> Parser::atom(int depth) {
  using Part = std::optional<RegexNode>;
  if (next_is("*") || next_is("+") || next_is("?")) return fail("has nothing to repeat");
  if (take("(")) return group(depth);
  if (next_is("[")) return Part(ONWARD_TRY(bracket()));
  if (take("^"))
    return Part(assertion(flags_.multi_line ? RegexAssertion::kLineBegin : RegexAssertion::kTextBegin));
  if (take("$"))
    return Part(assertion(flags_.multi_line ? RegexAssertion::kLineEnd : RegexAssertion::kTextEnd));
  if (take("\\")) return Part(ONWARD_TRY(escape()));
  if (take(".")) {
    RegexNode any{.kind = RegexNode::kSet};
    if (flags_.dot_newline)
      any.set.ranges = {{0, kLast}};
    else
      any.set.ranges = {{0, '\n' - 1}, {'\n' + 1, kLast}};
    any.set.seal();
    return Part(std::move(any));
  }
  return Part(literal(ONWARD_TRY(code_point())));
}

// After '('. Nothing for (?flags), which only changes the flags.
Result<std::optional<RegexNode>> Parser::group(int depth) {
  const Flags outer = flags_;
  if (take("?")) {
    if (take("P<") || take("<")) {
      const size_t name = at_;
      while (!done() && is_word(text_[at_])) ++at_;
      if (at_ == name || !take(">"))
        return fail("has a group whose name does not end in '>' (RE2 has no look-around)");
    } else {
      bool opens = false;
      ONWARD_TRY(flags(&opens));
      if (!opens) return std::optional<RegexNode>();
    }
  }
  RegexNode inner = ONWARD_TRY(choice(depth + 1));
  if (!take(")")) return fail("has a '(' without ')'");
  flags_ = outer;
  return std::optional(std::move(inner));
}

// "imsU-imsU" and then ':' or ')'.
Status Parser::flags(bool* group_opens) {
  bool on = true;
  for (;;) {
    const char32_t c = ONWARD_TRY(code_point());
    if (c == 'i')
      flags_.fold = on;
    else if (c == 'm')
      flags_.multi_line = on;
    else if (c == 's')
      flags_.dot_newline = on;
    else if (c == '-' && on)
      on = false;
    else if (c == ':' || c == ')')
      return *group_opens = c == ':', Status();
    else if (c != 'U')  // greediness does not change what matches in full
      return fail("has a group of no known kind");
  }
}

// After the backslash, outside a class.
Result<RegexNode> Parser::escape() {
  const char32_t c = ONWARD_TRY(code_point());
  if (auto pairs = perl_class(c); !pairs.empty()) {
    RegexNode n{.kind = RegexNode::kSet};
    add_ranges(n.set, pairs, c < 'a');
    return sealed(std::move(n));
  }
  switch (c) {
    case 'A':
      return assertion(RegexAssertion::kTextBegin);
    case 'z':
      return assertion(RegexAssertion::kTextEnd);
    case 'b':
      return assertion(RegexAssertion::kWordBoundary);
    case 'B':
      return assertion(RegexAssertion::kNoWordBoundary);
    case 'C':
      return unsupported("uses \\C (a single byte)");
    default:
      return literal(ONWARD_TRY(escaped_character(c)));
  }
}

Result<char32_t> Parser::escaped_character(char32_t c) {
  if (c == 'p' || c == 'P') return unsupported("uses a Unicode property class (\\p)");
  if (c >= '1' && c <= '7' && !(!done() && text_[at_] >= '0' && text_[at_] <= '7'))
    return fail("has a back reference, which RE2 has not,");
  if (c >= '0' && c <= '7') {
    char32_t value = c - '0';
    for (int i = 0; i < 2 && !done() && text_[at_] >= '0' && text_[at_] <= '7'; ++i)
      value = value * 8 + static_cast<char32_t>(text_[at_++] - '0');
    return value;
  }
  switch (c) {
    case 'n':
      return U'\n';
    case 't':
      return U'\t';
    case 'r':
      return U'\r';
    case 'f':
      return U'\f';
    case 'v':
      return U'\v';
    case 'a':
      return U'\a';
    case 'x':
      return hexadecimal();
    default:
      break;
  }
  const bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  if (c >= 128 || word) return fail("has an escape that RE2 does not know");
  return c;
}

// After "\x": two digits, or any number in braces.
Result<char32_t> Parser::hexadecimal() {
  const bool braced = take("{");
  char32_t value = 0;
  int digits = 0;
  for (; !done() && is_hexadecimal(text_[at_]) && (braced || digits < 2); ++digits) {
    const char d = text_[at_++];
    value = value * 16 + static_cast<char32_t>(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
    if (value > kLast) return fail("has a \\x{..} beyond Unicode");
  }
  if (braced ? !take("}") || digits == 0 : digits != 2) return fail("has a malformed \\x");
  return value;
}

Result<RegexNode> Parser::bracket() {
  take("[");
  RegexNode n{.kind = RegexNode::kSet};
  n.set.negated = take("^");
  bool first = true;
  while (first || !next_is("]")) {
    if (done()) return fail("has a '[' without ']'");
    ONWARD_TRY(bracket_item(n.set));
    first = false;
  }
  take("]");
  return sealed(std::move(n));
}

Status Parser::bracket_item(CodePointSet& set) {
  if (next_is("[:")) {
    const size_t end = text_.find(":]", at_ + 2);
    if (end != std::string_view::npos) {
      std::string_view name = text_.substr(at_ + 2, end - at_ - 2);
      const bool complement = name.starts_with('^');
      if (complement) name.remove_prefix(1);
      for (const NamedClass& known : kPosix)
        if (known.name == name) {
          add_ranges(set, known.ranges, complement);
          at_ = end + 2;
          return {};
        }
      return fail("has an unknown class [:", name, ":]");
    }
  }
  if (next_is("\\") && at_ + 1 < text_.size())
    if (auto pairs = perl_class(static_cast<unsigned char>(text_[at_ + 1])); !pairs.empty()) {
      add_ranges(set, pairs, text_[at_ + 1] < 'a');
      at_ += 2;
      return {};
    }
  const char32_t low = ONWARD_TRY(bracket_character());
  char32_t high = low;
  if (next_is("-") && !next_is("-]")) {
    take("-");
    high = ONWARD_TRY(bracket_character());
    if (high < low) return fail("has a range whose ends are the wrong way round");
  }
  set.ranges.emplace_back(low, high);
  return {};
}

Result<char32_t> Parser::bracket_character() {
  const char32_t c = ONWARD_TRY(code_point());
  return c == '\\' ? escaped_character(ONWARD_TRY(code_point())) : c;
}

Status Parser::repetitions(RegexNode& node) {
  if (ONWARD_TRY(repetition(node)) && ONWARD_TRY(repetition(node))) return fail("repeats a repetition");
  return {};
}

// Wraps `node` in the repetition that follows it, if there is one.
Result<bool> Parser::repetition(RegexNode& node) {
  int least = 0, most = -1;
  if (take("+"))
    least = 1;
  else if (take("?"))
    most = 1;
  else if (!take("*") && !bounds(&least, &most))
    return false;
  take("?");
  if (least > kMaxRepeat || most > kMaxRepeat) return fail("repeats more than ", kMaxRepeat, " times");
  if (most >= 0 && most < least) return fail("has a repetition whose bounds are the wrong way round");
  RegexNode repeat{.kind = RegexNode::kRepeat, .least = least, .most = most};
  repeat.parts.push_back(std::move(node));
  node = std::move(repeat);
  return true;
}

// "{n}", "{n,}" or "{n,m}"; anything else is literal text.
bool Parser::bounds(int* least, int* most) {
  const size_t start = at_;
  const auto number = [&]() -> std::optional<int> {
    const size_t first = at_;
    int value = 0;
    for (; !done() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      value = std::min(value * 10 + (text_[at_] - '0'), kMaxRepeat + 1);
    return at_ > first ? std::optional(value) : std::nullopt;
  };
  if (take("{")) {
    const auto low = number();
    const bool comma = take(",");
    const auto high = comma ? number() : low;
    if (low && take("}")) {
      *least = *low;
      *most = high.value_or(-1);
      return true;
    }
  }
  at_ = start;
  return false;
}

}  // namespace

Result<RegexNode> parse_regex(std::string_view pattern) { return Parser(pattern).parse(); }

}  // namespace ow
