// Tokenizer (com.microsoft, opset 1; text vectorisers are converted to it): the tokens of every string of [C]
// or [N, C], as [C, D] or [N, C, D] with D the most that a string has, padded with `pad_value`.
//
// With `separators`, regular expressions applied one after another, tokens are the pieces between their
// matches; a lone empty separator, like `tokenexp` ".", makes every character a token. Else tokens are the
// matches of `tokenexp`. Both take the leftmost-longest match, and go on a character further after an empty
// one. Tokens shorter than `mincharnum` characters are dropped. `mark` puts U+0002 before and U+0003 after a
// string's tokens; D is 0, marks and all, if no string has a token.
#include <algorithm>

#include "ops/op/op.h"
#include "ops/op/regex.h"
#include "ops/op/text_case.h"

namespace ow {
namespace {

using Pieces = std::vector<std::string_view>;

struct Attrs {
  std::vector<std::shared_ptr<const Regex>> separators;
  std::shared_ptr<const Regex> token;  // null: separators, or characters if there are none
  std::string pad;
  int64_t least_characters = 1;
  bool mark = false;
};

std::shared_ptr<const Regex> compiled(const AttrReader& a, std::string_view attribute,
                                      const std::string& text) {
  auto regex = Regex::compile(text);
  if (regex.ok()) return std::make_shared<const Regex>(*std::move(regex));
  a.fail(attribute, cat("has '", printable(text), "', which ", regex.status().message()));
  return nullptr;
}

Result<Attrs> read(const AttrReader& a) {
  for (const char* required : {"mark", "mincharnum", "pad_value"})
    if (!a.has(required)) a.fail(required, "is missing and has no default");
  Attrs out{.pad = a.text("pad_value", ""),
            .least_characters = a.integer("mincharnum", 1),
            .mark = a.flag("mark", false)};
  if (out.least_characters < 1)
    a.fail("mincharnum", cat("is ", out.least_characters, ", expected at least 1"));
  const std::vector<std::string> separators = a.texts("separators");
  const std::string token = a.text("tokenexp", "");
  if (separators.empty() && token.empty())
    a.fail("tokenexp", "is empty and so are the separators; one must be set");
  const bool characters = separators.empty() ? token == "." : separators == std::vector<std::string>{""};
  if (characters && out.least_characters > 1)
    a.fail("mincharnum", cat("is ", out.least_characters, ", expected 1 where every character is a token"));
  if (characters || !a.error().ok()) return out;
  for (const std::string& s : separators) out.separators.push_back(compiled(a, "separators", s));
  if (separators.empty()) out.token = compiled(a, "tokenexp", token);
  return out;
}

Status infer(const Attrs&, InferContext& c) {
  std::optional<SymShape> y;
  if (const SymShape* x = c.shape(0)) {
    if (x->size() != 1 && x->size() != 2)
      return c.error("input has rank ", x->size(), ", expected [C] or [N, C]");
    y = *x;
    y->push_back(Dim::unknown());
  }
  c.set(0, DType::kString, std::move(y));
  return {};
}

size_t after_character(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size() + 1;
  next_code_point(text, &at);
  return at;
}

void keep(const Attrs& a, std::string_view token, Pieces& out) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  const auto characters =
      token.size() - static_cast<size_t>(std::count_if(token.begin(), token.end(), continues));
  if (static_cast<int64_t>(characters) >= a.least_characters) out.push_back(token);
}

void add_pieces_between(const Attrs& a, const Regex& separator, std::string_view text, const Budget* budget,
                        Pieces& out) {
  for (size_t from = 0; from <= text.size() && !(budget && budget->stopped());) {
    const auto found = separator.find(text, from);
    const auto [begin, end] = found.value_or(std::pair(text.size(), text.size()));
    keep(a, text.substr(from, begin - from), out);
    if (!found) return;
    from = end > begin ? end : after_character(text, end);
  }
}

// Incomplete once the budget has stopped.
Pieces tokens_of(const Attrs& a, std::string_view text, const Budget* budget) {
  Pieces out;
  if (a.token) {
    for (size_t from = 0; from <= text.size() && !(budget && budget->stopped());) {
      const auto found = a.token->find(text, from);
      if (!found) break;
      keep(a, text.substr(found->first, found->second - found->first), out);
      from = found->second > found->first ? found->second : after_character(text, found->second);
    }
  } else if (a.separators.empty()) {
    for (size_t at = 0, end; at < text.size(); at = end) {
      end = after_character(text, at);
      out.push_back(text.substr(at, end - at));
    }
  } else {
    out = {text};
    for (const auto& separator : a.separators) {
      Pieces pieces;
      for (std::string_view piece : out) add_pieces_between(a, *separator, piece, budget, pieces);
      out.swap(pieces);
    }
  }
  return out;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 1 && x.rank() != 2)
    return c.error("input has shape ", x.shape(), ", expected [C] or [N, C]");
  std::vector<Pieces> lists(static_cast<size_t>(x.count()));
  c.parallel_for(x.count(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      lists[static_cast<size_t>(i)] = tokens_of(a, x.data<std::string>()[i], c.budget().get());
    }
  });
  if (c.budget()) ONWARD_TRY(c.budget()->check());
  size_t longest = 0;
  for (const Pieces& list : lists) longest = std::max(longest, list.size());
  if (longest > 0 && a.mark) longest += 2;
  Shape shape = x.shape();
  shape.push_back(static_cast<int64_t>(longest));
  Tensor y = ONWARD_TRY(c.out(0, DType::kString, shape));
  auto* at = y.mutable_data<std::string>();
  for (const Pieces& list : lists) {
    auto* row_end = at + longest;
    if (longest > 0 && a.mark) *at++ = "\x02";
    for (std::string_view token : list) *at++ = token;
    if (longest > 0 && a.mark) *at++ = "\x03";
    at = std::fill_n(at, row_end - at, a.pad);
  }
  return {};
}

}  // namespace

ONWARD_OPS(tokenizer) {
  return {
      op<Attrs>({.name = "Tokenizer", .domain = "com.microsoft", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
