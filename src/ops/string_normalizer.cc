// StringNormalizer: drops the strings of [C] or [1, C] that are stop words, then maps the case of the rest.
// If none is left the output is one empty string.
//
// Case is mapped code point by code point with Unicode's simple mappings, the same in every locale; the
// attribute `locale` is checked by nobody and changes nothing. Without is_case_sensitive, stop words are
// found by their lower-case form.
#include <unordered_set>

#include "ops/op/op.h"
#include "ops/op/text_case.h"

namespace ow {
namespace {

using CaseMap = char32_t (*)(char32_t);

struct Attrs {
  std::unordered_set<std::string> stopwords;  // in lower case unless case_sensitive
  bool case_sensitive = false;
  CaseMap change = nullptr;  // null: none
};

Result<Attrs> read(const AttrReader& a) {
  Attrs out{.case_sensitive = a.flag("is_case_sensitive", false)};
  const std::string action = a.text("case_change_action", "NONE");
  if (action == "LOWER")
    out.change = to_lower;
  else if (action == "UPPER")
    out.change = to_upper;
  else if (action != "NONE")
    a.fail("case_change_action", cat("is '", printable(action), "', expected LOWER, UPPER or NONE"));
  for (const std::string& word : a.texts("stopwords")) {
    auto lower = map_case(word, to_lower);
    if (!lower) a.fail("stopwords", cat("has '", printable(word), "', which is not valid UTF-8"));
    out.stopwords.insert(out.case_sensitive || !lower ? word : *lower);
  }
  return out;
}

Status infer(const Attrs& a, InferContext& c) {
  const SymShape* x = c.shape(0);
  if (!x) {
    c.set(0, DType::kString, std::nullopt);
    return {};
  }
  if (x->size() != 1 && x->size() != 2)
    return c.error("input has rank ", x->size(), ", expected [C] or [1, C]");
  if (x->size() == 2 && (*x)[0].is_constant() && !(*x)[0].is(1))
    return c.error("input is ", list_text(*x), ", expected 1 in the first of two axes");
  SymShape y = *x;
  if (x->size() == 2) y[0] = 1;
  if (!a.stopwords.empty())
    y.back() = Dim::unknown();
  else
    y.back() = max(y.back(), 1);
  c.set(0, DType::kString, std::move(y));
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  if (x.rank() != 1 && (x.rank() != 2 || x.dim(0) != 1))
    return c.error("input has shape ", x.shape(), ", expected [C] or [1, C]");
  std::vector<std::string> kept;
  for (const std::string& text : x.span<std::string>()) {
    const bool fold = !a.case_sensitive && !a.stopwords.empty();
    auto form = fold ? map_case(text, to_lower) : std::optional(text);
    if (!form) return c.error("'", printable(text), "' is not valid UTF-8");
    if (a.stopwords.contains(*form)) continue;
    auto changed = a.change ? map_case(text, a.change) : std::optional(text);
    if (!changed) return c.error("'", printable(text), "' is not valid UTF-8");
    kept.push_back(*std::move(changed));
  }
  if (kept.empty()) kept.emplace_back();
  Shape shape = x.shape();
  shape[x.rank() - 1] = static_cast<int64_t>(kept.size());
  Tensor y = ONWARD_TRY(c.out(0, DType::kString, shape));
  std::move(kept.begin(), kept.end(), y.mutable_data<std::string>());
  return {};
}

}  // namespace

ONWARD_OPS(string_normalizer) {
  return {op<Attrs>({.name = "StringNormalizer", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
