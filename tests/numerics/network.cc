#include "numerics/network.h"

#include <cstdio>
#include <cstdlib>

namespace ow::numerics {
namespace {

template <class T>
T checked(Result<T> made) {
  if (!made.ok()) {
    std::fprintf(stderr, "numerics: %s\n", std::string(made.status().message()).c_str());
    std::exit(2);
  }
  return *std::move(made);
}

}  // namespace

Network::Network(const onnx::Graph& graph, const NetworkOptions& o) {
  auto model = checked(Model::load_bytes(test::as_bytes(test::bytes(test::model(graph, o.opset)))));
  SessionOptions options;
  options.threads = o.threads;
  options.level = o.level;
  options.strict_math = o.strict;
  session_ = checked(Session::create(std::move(model), options));
}

Network Network::of_one(std::vector<onnx::Node> nodes, const NetworkOptions& options, int32_t type,
                        int32_t result) {
  return Network(test::graph({test::value("x", type, {"N"})},
                             {test::value("y", result ? result : type, {"N"})}, std::move(nodes)),
                 options);
}

std::vector<Tensor> Network::run(const Inputs& inputs) const {
  std::vector<std::pair<std::string_view, Value>> values;
  for (const auto& [name, t] : inputs) values.emplace_back(name, t);
  std::vector<Tensor> out;
  for (Value& v : checked(session_->run(values))) out.push_back(checked(v.tensor()->owned()));
  return out;
}

void Network::run(std::span<const float> x, std::span<float> y) const {
  const Shape shape{static_cast<int64_t>(x.size())};
  const std::pair<std::string_view, Value> in{"x", Tensor::borrow(DType::kFloat32, shape, x.data(), nullptr)};
  Tensor out = Tensor::borrow(DType::kFloat32, shape, y.data(), nullptr);
  Tensor* const target = &out;
  checked(session_->run(std::span(&in, 1), {}, {}, std::span(&target, 1)));
}

}  // namespace ow::numerics
