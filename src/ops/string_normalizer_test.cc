#include <gtest/gtest.h>

#include "ops/op/evaluate.h"
#include "ops/op/text_case.h"

namespace ow {
namespace {

Result<std::vector<Value>> run(std::vector<std::string> x, ir::Attributes a) {
  return evaluate_op(
      "StringNormalizer",
      {Tensor::of<std::string>({static_cast<int64_t>(x.size())}, std::span<const std::string>(x))}, 1,
      std::move(a));
}

TEST(TextCase, MapsEveryScriptWithCase) {
  EXPECT_EQ(map_case("ÀÉ ΣΩ ЖЯ Ǆ Ἀ Ⴀ𐐀 ÿ ß", to_lower), "àé σω жя ǆ ἀ ⴀ𐐨 ÿ ß");
  EXPECT_EQ(map_case("àé σςω жя ǆ ἀ ⴀ𐐨 ÿ ı", to_upper), "ÀÉ ΣΣΩ ЖЯ Ǆ Ἀ Ⴀ𐐀 Ÿ I");
  EXPECT_EQ(map_case("a\xFF", to_lower), std::nullopt);
  EXPECT_EQ(map_case("\xC0\x80", to_lower), std::nullopt);
  EXPECT_EQ(map_case("\xED\xA0\x80", to_lower), std::nullopt);
}

TEST(StringNormalizer, StopWordsWithoutCase) {
  auto y = run({"ÉCOLE", "a", "The", "école"},
               {{"stopwords", ir::Strings{"École", "the"}}, {"case_change_action", std::string("UPPER")}});
  ASSERT_TRUE(y.ok()) << y.status().message();
  ASSERT_EQ((*y)[0].tensor()->count(), 1);
  EXPECT_EQ(*(*y)[0].tensor()->data<std::string>(), "A");
}

TEST(StringNormalizer, RefusesWhatIsNoUtf8) {
  EXPECT_FALSE(run({"\xFF"}, {{"case_change_action", std::string("LOWER")}}).ok());
  EXPECT_FALSE(run({"a"}, {{"case_change_action", std::string("lower")}}).ok());
}

}  // namespace
}  // namespace ow
