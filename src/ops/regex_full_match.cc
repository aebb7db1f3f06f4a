// RegexFullMatch: whether each string matches `pattern` (RE2 syntax; ops/op/regex.h says what of it) from its
// first character to its last.
#include "ops/op/op.h"
#include "ops/op/regex.h"

namespace ow {
namespace {

struct Attrs {
  std::shared_ptr<const Regex> regex;
};

Result<Attrs> read(const AttrReader& a) {
  if (!a.has("pattern")) a.fail("pattern", "is missing and has no default");
  const std::string pattern = a.text("pattern", "");
  auto regex = Regex::compile(pattern);
  if (regex.ok()) return Attrs{std::make_shared<const Regex>(*std::move(regex))};
  const Status& s = regex.status();
  const std::string what =
      cat(a.node().label(), ": attribute 'pattern' is '", printable(pattern), "', which ", s.message());
  return Status(s.code() == Code::kInvalidArgument ? Code::kInvalidModel : s.code(), what);
}

Status infer(const Attrs&, InferContext& c) {
  c.set(0, DType::kBool, c.shape(0) ? std::optional(*c.shape(0)) : std::nullopt);
  return {};
}

Status run(const Attrs& a, RunContext& c) {
  const Tensor& x = c.in(0);
  Tensor y = ONWARD_TRY(c.out(0, DType::kBool, x.shape()));
  c.parallel_for(x.count(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      if (c.budget() && c.budget()->stopped()) return;
      y.mutable_data<bool>()[i] = a.regex->full_match(x.data<std::string>()[i]);
    }
  });
  return c.budget() ? c.budget()->check() : Status();
}

}  // namespace

ONWARD_OPS(regex_full_match) {
  return {op<Attrs>({.name = "RegexFullMatch", .read = read, .infer = infer, .run = run})};
}

}  // namespace ow
