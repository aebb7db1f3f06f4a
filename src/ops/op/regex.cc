#include "ops/op/regex.h"

#include <algorithm>
#include <utility>

#include "ops/op/regex_parse.h"
#include "ops/op/text_case.h"

namespace ow {
namespace {

constexpr size_t kMaxInstructions = 100'000;

char32_t fold(char32_t c) { return to_lower(to_upper(c)); }

bool is_word(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

// Before the first and after the last code point.
constexpr char32_t kOutside = 0x110001;

bool holds(RegexAssertion a, char32_t before, char32_t after) {
  switch (a) {
    case RegexAssertion::kTextBegin:
      return before == kOutside;
    case RegexAssertion::kTextEnd:
      return after == kOutside;
    case RegexAssertion::kLineBegin:
      return before == kOutside || before == '\n';
    case RegexAssertion::kLineEnd:
      return after == kOutside || after == '\n';
    case RegexAssertion::kWordBoundary:
      return is_word(before) != is_word(after);
    case RegexAssertion::kNoWordBoundary:
      return is_word(before) == is_word(after);
  }
  return false;
}

// The code point that ends before byte `at`.
char32_t code_point_before(std::string_view text, size_t at) {
  if (at == 0) return kOutside;
  size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return next_code_point(text, &begin);
}

}  // namespace

void CodePointSet::seal() {
  for (char32_t c = 0; c < 128; ++c) ascii[c] = has_slowly(c);
}

bool CodePointSet::has_slowly(char32_t c) const {
  if (c == kInvalidCodePoint) return false;
  const auto in = [this](char32_t x) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [x](const auto& r) { return x >= r.first && x <= r.second; });
  };
  bool found = in(c);
  if (fold_case && !found) {
    const char32_t folded = fold(c);
    found = in(folded) || in(to_lower(c)) || in(to_upper(c)) || in(to_upper(folded)) ||
            std::any_of(ranges.begin(), ranges.end(),
                        [folded](const auto& r) { return r.first == r.second && fold(r.first) == folded; });
  }
  return found != negated;
}

// Emits code back to front: every node is compiled knowing where to go next.
class RegexCompiler {
 public:
  explicit RegexCompiler(Regex& regex) : regex_(regex) {}

  Result<int32_t> node(const RegexNode& n, int32_t next) {
    // Repetitions of nothing emit nothing, but still take time.
    if (++steps_ > 4 * kMaxInstructions) return limit_exceeded("is too large: repetitions multiply");
    switch (n.kind) {
      case RegexNode::kEmpty:
        return next;
      case RegexNode::kSet:
        regex_.sets_.push_back(n.set);
        return emit({.kind = Regex::Instruction::kSet,
                     .next = next,
                     .set = static_cast<int32_t>(regex_.sets_.size()) - 1});
      case RegexNode::kAssert:
        return emit({.kind = Regex::Instruction::kAssert, .assertion = n.assertion, .next = next});
      case RegexNode::kSequence:
        for (auto part = n.parts.rbegin(); part != n.parts.rend(); ++part)
          next = ONWARD_TRY(node(*part, next));
        return next;
      case RegexNode::kChoice: {
        int32_t other = ONWARD_TRY(node(n.parts.back(), next));
        for (auto part = n.parts.rbegin() + 1; part != n.parts.rend(); ++part)
          other = ONWARD_TRY(split(ONWARD_TRY(node(*part, next)), other));
        return other;
      }
      case RegexNode::kRepeat:
        return repeat(n, next);
    }
    return next;
  }

  Result<int32_t> emit(Regex::Instruction i) {
    if (regex_.code_.size() >= kMaxInstructions)
      return limit_exceeded("is too large: more than ", kMaxInstructions, " states");
    regex_.code_.push_back(i);
    return static_cast<int32_t>(regex_.code_.size()) - 1;
  }

 private:
  Result<int32_t> split(int32_t next, int32_t other) {
    return emit({.kind = Regex::Instruction::kSplit, .next = next, .other = other});
  }

  Result<int32_t> repeat(const RegexNode& n, int32_t next) {
    if (n.most < 0) {
      const int32_t loop = ONWARD_TRY(split(-1, next));
      const int32_t body = ONWARD_TRY(node(n.parts[0], loop));
      regex_.code_[static_cast<size_t>(loop)].next = body;
      next = loop;
    } else {
      const int32_t end = next;
      for (int i = n.least; i < n.most; ++i)
        next = ONWARD_TRY(split(ONWARD_TRY(node(n.parts[0], next)), end));
    }
    for (int i = 0; i < n.least; ++i) next = ONWARD_TRY(node(n.parts[0], next));
    return next;
  }

  Regex& regex_;
  size_t steps_ = 0;
};

Result<Regex> Regex::compile(std::string_view pattern) {
  const RegexNode tree = ONWARD_TRY(parse_regex(pattern));
  Regex regex;
  RegexCompiler compiler(regex);
  const int32_t match = ONWARD_TRY(compiler.emit({}));
  regex.start_ = ONWARD_TRY(compiler.node(tree, match));
  return regex;
}

// A set of instructions with O(1) insertion, and the stack of `follow`.
struct Regex::States {
  explicit States(size_t n) : present(n, 0) {}
  std::vector<uint32_t> present;  // the round that an instruction was last added in
  uint32_t round = 0;
  std::vector<int32_t> sets, pending;  // kSet instructions reached in this round
  bool matched = false;

  void begin() {
    ++round;
    sets.clear();
    matched = false;
  }
};

// Adds all instructions reachable from `start` without reading.
void Regex::follow(int32_t start, char32_t before, char32_t after, States& states) const {
  states.pending.push_back(start);
  while (!states.pending.empty()) {
    const auto at = static_cast<size_t>(states.pending.back());
    states.pending.pop_back();
    if (std::exchange(states.present[at], states.round) == states.round) continue;
    const Instruction& i = code_[at];
    switch (i.kind) {
      case Instruction::kSet:
        states.sets.push_back(static_cast<int32_t>(at));
        break;
      case Instruction::kSplit:
        states.pending.push_back(i.next);
        states.pending.push_back(i.other);
        break;
      case Instruction::kAssert:
        if (holds(i.assertion, before, after)) states.pending.push_back(i.next);
        break;
      case Instruction::kMatch:
        states.matched = true;
        break;
    }
  }
}

bool Regex::full_match(std::string_view text) const {
  size_t at = 0;
  const auto read = [&] { return at < text.size() ? next_code_point(text, &at) : kOutside; };
  States states(code_.size());
  std::vector<int32_t> current;
  char32_t here = read();
  states.begin();
  follow(start_, kOutside, here, states);
  while (here != kOutside && !states.sets.empty()) {
    const char32_t after = read();
    current.swap(states.sets);
    states.begin();
    for (int32_t s : current) {
      const Instruction& i = code_[static_cast<size_t>(s)];
      if (sets_[static_cast<size_t>(i.set)].has(here)) follow(i.next, here, after, states);
    }
    here = after;
  }
  return here == kOutside && states.matched;
}

std::optional<std::pair<size_t, size_t>> Regex::find(std::string_view text, size_t from) const {
  struct Thread {
    int32_t state;
    size_t begin;  // of its match
  };
  std::vector<Thread> threads,
      reached;  // by ascending `begin`: a state belongs to the leftmost that reaches it
  std::optional<std::pair<size_t, size_t>> found;
  States states(code_.size());
  char32_t before = code_point_before(text, from);
  for (size_t at = from, next = from;; at = next) {
    const char32_t after = at < text.size() ? next_code_point(text, &next) : kOutside;
    states.begin();
    reached.clear();
    const auto reach = [&](const Thread& t) {
      follow(t.state, before, after, states);
      while (reached.size() < states.sets.size()) reached.push_back({states.sets[reached.size()], t.begin});
      if (std::exchange(states.matched, false)) found = {t.begin, at};
    };
    for (const Thread& t : threads)
      if (!found || t.begin <= found->first) reach(t);
    if (!found) reach({start_, at});
    if (after == kOutside || (found && reached.empty())) return found;
    threads.clear();
    for (const Thread& t : reached) {
      const Instruction& i = code_[static_cast<size_t>(t.state)];
      if (sets_[static_cast<size_t>(i.set)].has(after)) threads.push_back({i.next, t.begin});
    }
    before = after;
  }
}

}  // namespace ow
