// A small graph as a session runs it, with all that the optimiser makes of it.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "passes/test_support.h"
#include "runtime/session.h"

namespace ow::numerics {

inline constexpr int32_t kFloat = onnx::Tensor::FLOAT;

struct NetworkOptions {
  int threads = 1;
  Level level = Level::kFull;
  bool strict = false;
  int64_t opset = 24;
};

class Network {
 public:
  using Inputs = std::vector<std::pair<std::string_view, Tensor>>;

  // Stops the program where the model does not compile: a test that is written wrongly.
  explicit Network(const onnx::Graph& graph, const NetworkOptions& options = {});
  // x -> y by these nodes, of an element type and of one axis.
  static Network of_one(std::vector<onnx::Node> nodes, const NetworkOptions& options = {},
                        int32_t type = kFloat, int32_t result = 0);

  std::vector<Tensor> run(const Inputs& inputs) const;
  // Of float32 in one axis, from x to the memory of y.
  void run(std::span<const float> x, std::span<float> y) const;

 private:
  std::shared_ptr<Session> session_;
};

}  // namespace ow::numerics
