#include <gtest/gtest.h>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

ir::Attributes attributes() {
  return {{"mode", std::string("TFIDF")},        {"min_gram_length", int64_t{1}},
          {"max_gram_length", int64_t{2}},       {"max_skip_count", int64_t{1}},
          {"ngram_counts", ir::Ints{0, 2}},      {"ngram_indexes", ir::Ints{2, 0, 1}},
          {"pool_int64s", ir::Ints{5, 6, 5, 6}}, {"weights", ir::Floats{1, 10, 100}}};
}

Result<std::vector<Value>> run(ir::Attributes a) {
  const std::vector<int64_t> x = {5, 6, 5, 9, 6};
  return evaluate_op("TfIdfVectorizer", {Tensor::of<int64_t>({5}, x)}, 1, std::move(a));
}

TEST(TfIdfVectorizer, CountsWithSkips) {
  auto y = run(attributes());
  ASSERT_TRUE(y.ok()) << y.status().message();
  // 5 twice at 2, 6 twice at 0, (5, 6) once next to each other and once around the 9, at 1.
  const auto found = (*y)[0].tensor()->span<float>();
  EXPECT_EQ(std::vector<float>(found.begin(), found.end()), (std::vector<float>{20, 200, 2}));
}

TEST(TfIdfVectorizer, RefusesHostileAttributes) {
  const std::vector<std::pair<std::string, ir::Attribute>> bad = {
      {"ngram_counts", ir::Ints{0, 5}},
      {"ngram_counts", ir::Ints{3, 2}},
      {"ngram_counts", ir::Ints{-1, 2}},
      {"ngram_counts", ir::Ints{0, 3}},
      {"ngram_indexes", ir::Ints{0, 1}},
      {"ngram_indexes", ir::Ints{0, 1, -1}},
      {"ngram_indexes", ir::Ints{0, 1, INT64_MAX}},
      {"weights", ir::Floats{1}},
      {"mode", std::string("TD")},
      {"max_gram_length", int64_t{0}},
      {"max_skip_count", int64_t{-1}},
      {"pool_strings", ir::Strings{"a"}}};
  for (const auto& [name, value] : bad) {
    ir::Attributes a = attributes();
    a.insert_or_assign(name, value);
    auto y = run(std::move(a));
    ASSERT_FALSE(y.ok()) << name;
    EXPECT_EQ(y.status().code(), Code::kInvalidModel) << name;
  }
}

}  // namespace
}  // namespace ow
