// The domain in which operators stand, while a model is imported, that old releases of ONNX had in ai.onnx as
// experiments (ops/experimental.cc). No file may use it, and no graph that import returns does.
#pragma once
#include <string_view>

namespace ow {

inline constexpr std::string_view kExperimentalDomain = "onward.experimental";

}  // namespace ow
