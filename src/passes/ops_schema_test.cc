// Holds every operator of this build to the schema facts: what an operator file says of itself must be
// possible for the operator that ONNX defines.
#include <gtest/gtest.h>

#include <set>

#include "ir/schema.h"
#include "ops/op/op.h"

namespace ow {
namespace {

// Domains of operators that ONNX does not define, and whose facts are therefore not in the schemas.
const std::set<std::string_view> kOtherDomains = {"com.microsoft", "onward", "onward.experimental"};

const Schema* newest(const Op& op) { return find_schema(op.domain, op.name, newest_opset(op.domain)); }

uint32_t type_mask(const TypeSet& t) { return t.tensor | t.sequence | t.optional | t.optional_sequence; }

std::string name_of(const Op& op) { return cat(op.domain, op.domain.empty() ? "" : ".", op.name); }

TEST(OpsSchema, EveryOperatorIsDefinedByOnnxOrInAKnownDomain) {
  for (const Op* op : all_ops()) {
    if (kOtherDomains.count(op->domain)) continue;
    const Schema* s = newest(*op);
    ASSERT_TRUE(s) << name_of(*op);
    EXPECT_FALSE(s->deprecated() && !op->can_upgrade && !op->can_run && !op->can_lower) << name_of(*op);
  }
}

TEST(OpsSchema, NamesAreUnique) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Op* op : all_ops()) EXPECT_TRUE(seen.emplace(op->domain, op->name).second) << name_of(*op);
}

TEST(OpsSchema, EveryOperatorRunsOrIsLowered) {
  for (const Op* op : all_ops()) {
    const Schema* s = newest(*op);
    // A deprecated operator may be nothing but its upgrade.
    const bool only_upgrade = op->can_upgrade && s && s->deprecated();
    EXPECT_TRUE(op->can_run || op->can_lower || only_upgrade) << name_of(*op);
  }
}

TEST(OpsSchema, SharedMemoryStaysWithinTheArity) {
  for (const Op* op : all_ops()) {
    const Schema* s = newest(*op);
    if (!s) continue;
    for (auto [in, out] : op->traits.in_place) {
      EXPECT_TRUE(in >= 0 && in < s->max_inputs()) << name_of(*op) << " in_place input " << in;
      EXPECT_TRUE(out >= 0 && out < s->max_outputs()) << name_of(*op) << " in_place output " << out;
    }
    EXPECT_LT(op->traits.view_of, s->max_inputs()) << name_of(*op);
    for (int i = 0; i < 32; ++i)
      EXPECT_TRUE(!(op->traits.shape_inputs >> i & 1) || i < s->max_inputs())
          << name_of(*op) << " shape_inputs";
  }
}

// Memory can be shared only between values that may have one type.
TEST(OpsSchema, SharedMemoryHasACommonType) {
  for (const Op* op : all_ops()) {
    const Schema* s = newest(*op);
    if (!s) continue;
    auto pairs = op->traits.in_place;
    if (op->traits.view_of >= 0) pairs.emplace_back(op->traits.view_of, 0);
    for (auto [in, out] : pairs) {
      const SchemaParam *i = s->input(static_cast<size_t>(in)), *o = s->output(static_cast<size_t>(out));
      ASSERT_TRUE(i && o) << name_of(*op);
      EXPECT_TRUE(type_mask(i->types()) & type_mask(o->types()))
          << name_of(*op) << " input " << in << " and output " << out;
    }
  }
}

TEST(OpsSchema, NativeTypesAreTypesOfTheSchema) {
  for (const Op* op : all_ops()) {
    const Schema* s = newest(*op);
    if (!s || !op->can_run || op->traits.native == kAllTypes) continue;
    uint32_t allowed = 0;
    for (const auto& p : s->inputs()) allowed |= type_mask(p.types());
    for (const auto& p : s->outputs()) allowed |= type_mask(p.types());
    EXPECT_TRUE(op->traits.native & allowed) << name_of(*op) << ": no native type is allowed by the schema";
  }
}

// Those that draw numbers; Dropout does so in training mode.
TEST(OpsSchema, RandomOperatorsAreNotDeterministic) {
  for (std::string_view name : {"Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike",
                                "RandomUniform", "RandomUniformLike"})
    EXPECT_TRUE(!find_op("", name) || !find_op("", name)->traits.deterministic) << name;
}

}  // namespace
}  // namespace ow
