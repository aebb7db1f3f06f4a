// The common type of two outcomes must hold for both.
#include "ops/op/join.h"

#include <gtest/gtest.h>

namespace ow {
namespace {

ir::Type floats(std::vector<Dim> dims) { return ir::Type::tensor(DType::kFloat32, std::move(dims)); }

TEST(CommonType, KeepsOnlyWhatBothHave) {
  const ir::Type common = common_type(floats({Dim(2), Dim(3)}), floats({Dim(2), Dim(4)}));
  ASSERT_TRUE(common.shape && common.shape->size() == 2);
  EXPECT_TRUE((*common.shape)[0].is(2));
  EXPECT_FALSE((*common.shape)[1].is_constant());
  EXPECT_FALSE(common_type(floats({Dim(2)}), floats({Dim(2), Dim(4)})).shape);
}

TEST(CommonType, UnknownTypeLeavesNoShape) {
  for (const auto& common : {common_type(floats({Dim(1)}), {}), common_type({}, floats({Dim(1)}))}) {
    EXPECT_EQ(common.dtype, DType::kFloat32);
    EXPECT_FALSE(common.shape);
  }
  const ir::Type nested = common_type(ir::Type::sequence(floats({Dim(1)})), {});
  ASSERT_TRUE(nested.element);
  EXPECT_FALSE(nested.element->shape);
}

}  // namespace
}  // namespace ow
