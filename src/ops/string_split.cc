// StringSplit: the pieces of every string between occurrences of `delimiter`, padded with "" to the longest
// list, and how many there are. Without a delimiter, or with an empty one, runs of white space separate and
// none is left at the ends. After `maxsplit` cuts the rest stays whole. An empty string has no pieces.
#include <algorithm>

#include "ops/op/op.h"

namespace ow {
namespace {

struct Attrs {
  std::string delimiter;
  std::optional<int64_t> maxsplit;
};

Result<Attrs> read(const AttrReader& a) {
  return Attrs{.delimiter = a.text("delimiter", ""),
               .maxsplit = a.has("maxsplit") ? std::optional(a.integer("maxsplit", 0)) : std::nullopt};
}

Status infer(const Attrs&, InferContext& c) {
  std::optional<SymShape> shape, pieces;
  if (c.shape(0)) {
    shape = pieces = *c.shape(0);
    pieces->push_back(Dim::unknown());
  }
  c.set(0, DType::kString, std::move(pieces));
  c.set(1, DType::kInt64, std::move(shape));
  return {};
}

std::vector<std::string> split_at(const std::string& text, const std::string& delimiter, int64_t most) {
  std::vector<std::string> out;
  if (text.empty()) return out;
  size_t begin = 0;
  for (int64_t cuts = 0; cuts < most; ++cuts) {
    const size_t at = text.find(delimiter, begin);
    if (at == std::string::npos) break;
    out.push_back(text.substr(begin, at - begin));
    begin = at + delimiter.size();
  }
  out.push_back(text.substr(begin));
  return out;
}

std::vector<std::string> split_at_spaces(const std::string& text, int64_t most) {
  constexpr const char* kSpaces = " \t\n\v\f\r";
  std::vector<std::string> out;
  size_t begin = text.find_first_not_of(kSpaces);
  while (begin != std::string::npos) {
    const size_t end =
        static_cast<int64_t>(out.size()) < most ? text.find_first_of(kSpaces, begin) : std::string::npos;
    if (end == std::string::npos) {
      out.push_back(text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin));
      break;
    }
    out.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSpaces, end);
  }
  return out;
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  const int64_t most = a.maxsplit && *a.maxsplit >= 0 ? *a.maxsplit : INT64_MAX;
  std::vector<std::vector<std::string>> lists;
  int64_t longest = 0;
  for (const std::string& text : x.span<std::string>()) {
    lists.push_back(a.delimiter.empty() ? split_at_spaces(text, most) : split_at(text, a.delimiter, most));
    longest = std::max(longest, static_cast<int64_t>(lists.back().size()));
  }
  Shape shape = x.shape();
  shape.push_back(longest);
  if (c.wants(0)) {
    Tensor pieces = ONWARD_TRY(c.out(0, DType::kString, shape));
    for (size_t i = 0; i < lists.size(); ++i) {
      auto* row = pieces.mutable_data<std::string>() + static_cast<int64_t>(i) * longest;
      std::fill(std::copy(lists[i].begin(), lists[i].end(), row), row + longest, std::string());
    }
  }
  if (c.wants(1)) {
    Tensor counts = ONWARD_TRY(c.out(1, DType::kInt64, x.shape()));
    for (size_t i = 0; i < lists.size(); ++i)
      counts.mutable_data<int64_t>()[i] = static_cast<int64_t>(lists[i].size());
  }
  return {};
}

}  // namespace

ONWARD_OPS(string_split) {
  return {op<Attrs>({.name = "StringSplit", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
