// RNN, GRU and LSTM give the same with weights that were packed once as with weights that are inputs.
#include "ops/op/recurrent.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "ops/op/evaluate.h"

namespace ow {
namespace {

Tensor random_tensor(const Shape& shape, unsigned seed) {
  std::mt19937 rng(seed);
  Tensor t = *Tensor::allocate(DType::kFloat32, shape);
  for (float& v : t.mutable_span<float>()) v = static_cast<float>(rng() % 2001) / 2000 - .5f;
  return t;
}

std::vector<Value> run(const char* op, bool constant, const std::vector<Tensor>& inputs,
                       ir::Attributes attributes) {
  ir::Graph g;
  std::vector<ir::Value*> values;
  std::vector<Value> given;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto type = ir::Type::tensor(DType::kFloat32, symbolic(inputs[i].shape()));
    values.push_back(constant && i > 0 ? g.add_constant("w", inputs[i]) : g.add_input("x", type));
    given.emplace_back(inputs[i]);
  }
  ir::Node* node = g.add_node(op, "", values, {"y", "h"}, std::move(attributes));
  EXPECT_TRUE(infer_node(*node).ok());
  PrepareContext context(*node, 1);
  const Op* found = find_op("", op);
  auto attrs = found->read(AttrReader(*node));
  auto prepared = found->prepare(attrs->get(), context);
  EXPECT_TRUE(prepared.ok());
  EXPECT_EQ(prepared->has_value(), constant);
  auto out = evaluate(*node, given);
  EXPECT_TRUE(out.ok()) << out.status().message();
  return out.ok() ? *out : std::vector<Value>();
}

TEST(Recurrent, PackedWeightsGiveTheSame) {
  const std::pair<const char*, int64_t> kOps[] = {{"RNN", 1}, {"GRU", 3}, {"LSTM", 4}};
  for (const auto& [op, gates] : kOps)
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      const int64_t dirs = direction[0] == 'b' ? 2 : 1, hidden = 5, input = 7;
      const std::vector<Tensor> inputs = {
          random_tensor({4, 3, input}, 1), random_tensor({dirs, gates * hidden, input}, 2),
          random_tensor({dirs, gates * hidden, hidden}, 3), random_tensor({dirs, 2 * gates * hidden}, 4)};
      const ir::Attributes attributes{{"hidden_size", hidden}, {"direction", std::string(direction)}};
      const auto plain = run(op, false, inputs, attributes), packed = run(op, true, inputs, attributes);
      ASSERT_EQ(plain.size(), packed.size());
      for (size_t o = 0; o < plain.size(); ++o)
        EXPECT_EQ(std::memcmp(plain[o].tensor()->raw(), packed[o].tensor()->raw(),
                              static_cast<size_t>(plain[o].tensor()->bytes())),
                  0)
            << op << " " << direction << " output " << o;
    }
}

// Weights of a shape that they may not have are left for the run to refuse.
TEST(Recurrent, WrongShapesAreNotPacked) {
  ir::Graph g;
  ir::Value* x = g.add_input("x", ir::Type::tensor(DType::kFloat32, SymShape{4, 3, 7}));
  ir::Value *w = g.add_constant("w", random_tensor({1, 15, 7}, 2)),
            *r = g.add_constant("r", random_tensor({1, 15, 4}, 3));
  ir::Node* node = g.add_node("GRU", "", {x, w, r}, {"y"}, {{"hidden_size", int64_t{5}}});
  PrepareContext context(*node, 1);
  const Op* op = find_op("", "GRU");
  auto attrs = op->read(AttrReader(*node));
  auto prepared = op->prepare(attrs->get(), context);
  ASSERT_TRUE(prepared.ok());
  EXPECT_FALSE(prepared->has_value());
}

}  // namespace
}  // namespace ow
