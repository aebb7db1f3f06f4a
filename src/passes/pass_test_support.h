// For the tests of passes that rewrite: what a graph computes after the pass is held against what it computed
// before.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "ops/op/evaluate.h"
#include "passes/import.h"
#include "passes/missed.h"
#include "passes/test_support.h"

namespace ow::test {

using Names = std::vector<std::string>;
using Inputs = std::vector<Value>;

inline constexpr int32_t kFloat = onnx::Tensor::FLOAT;

// Spread over [-1, 1), a multiple of 1 / 512.
inline std::vector<float> spread_numbers(size_t n, unsigned seed = 0) {
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>((i + seed) * 2654435761u >> 8 & 1023) / 512 - 1;
  return out;
}
inline Tensor spread(const Shape& shape, unsigned seed = 0) {
  return Tensor::of<float>(shape, spread_numbers(static_cast<size_t>(shape.count()), seed));
}

inline Names operators(const ir::Graph& g) {
  Names out;
  for (const auto& n : g.nodes())
    out.push_back(n->domain.empty() ? n->op_type : cat(n->domain, ".", n->op_type));
  return out;
}

// How far results may lie apart: absolute + relative * |wanted|. nan: what is NaN may stay NaN.
struct Limits {
  float absolute = 0, relative = 0;
  bool nan = false;
};

inline void expect_near(const Tensor& got, const Tensor& want, const Limits& limits) {
  ASSERT_EQ(got.shape(), want.shape());
  for (int64_t i = 0; i < want.count(); ++i) {
    const float a = got.data<float>()[i], b = want.data<float>()[i];
    ASSERT_TRUE(a == b || (limits.nan && std::isnan(a) && std::isnan(b)) ||
                std::abs(a - b) <= limits.absolute + limits.relative * std::abs(b))
        << a << ", expected " << b << " at element " << i;
  }
}

// Without the numbers of unknown sizes, which are given out anew by each inference.
inline std::string printed(const ir::Graph& g) {
  std::string out;
  for (char c : ir::print(g)) {
    const bool of_unknown = out.ends_with('?') && c >= '0' && c <= '9';
    if (!of_unknown) out += c;
  }
  return out;
}

// Runs the pass, which makes so many changes, and both graphs on each set of inputs. Returns the operators.
// That it is asked for reasons changes nothing.
inline Names expect_same(const onnx::Graph& g, Result<int> (*pass)(ir::Graph&, MissedFusions*), int changes,
                         const std::vector<Inputs>& sets, const Limits& limits) {
  auto before = import_model(*file(model(g))), after = import_model(*file(model(g)));
  EXPECT_TRUE(before.ok() && after.ok()) << before.status().message();
  if (!before.ok() || !after.ok()) return {};
  auto made = pass(*after->graph, nullptr);
  EXPECT_TRUE(made.ok()) << made.status().message();
  if (made.ok()) EXPECT_EQ(*made, changes);
  EXPECT_TRUE(ir::verify(*after->graph).ok()) << ir::verify(*after->graph).message();
  if (auto asked = import_model(*file(model(g))); asked.ok()) {
    MissedFusions missed;
    EXPECT_TRUE(pass(*asked->graph, &missed).ok());
    EXPECT_EQ(printed(*asked->graph), printed(*after->graph));
  }
  for (const Inputs& inputs : sets) {
    auto want = evaluate(*before->graph, inputs), got = evaluate(*after->graph, inputs);
    EXPECT_TRUE(want.ok() && got.ok()) << want.status().message() << got.status().message();
    for (size_t o = 0; want.ok() && got.ok() && o < want->size(); ++o) {
      SCOPED_TRACE(cat("output ", o));
      expect_near(*(*got)[o].tensor(), *(*want)[o].tensor(), limits);
    }
  }
  return operators(*after->graph);
}

}  // namespace ow::test
