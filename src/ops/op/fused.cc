#include "ops/op/fused.h"

#include "base/text.h"

namespace ow {

std::optional<kernels::Activation> activation_named(std::string_view name) {
  using A = kernels::Activation;
  static constexpr std::pair<std::string_view, A> kNames[] = {{"", A::kNone},
                                                              {"relu", A::kRelu},
                                                              {"leaky_relu", A::kLeakyRelu},
                                                              {"clip", A::kClip},
                                                              {"sigmoid", A::kSigmoid},
                                                              {"silu", A::kSilu},
                                                              {"tanh", A::kTanh},
                                                              {"hard_swish", A::kHardSwish},
                                                              {"gelu", A::kGelu},
                                                              {"gelu_tanh", A::kGeluTanh},
                                                              {"hard_sigmoid", A::kHardSigmoid}};
  for (auto [known, kind] : kNames)
    if (name == known) return kind;
  return std::nullopt;
}

FusedActivation read_activation(const AttrReader& a, std::string_view prefix) {
  const std::string attribute = cat(prefix, "activation"), name = a.text(attribute, "");
  const auto kind = activation_named(name);
  if (kind && !in_build(*kind)) {
    a.fail(attribute, cat("is '", name, "', and this build's list of operators lacks curved_activations"));
    return {};
  }
  if (kind) return {*kind, a.real(cat(prefix, "alpha"), 0), a.real(cat(prefix, "beta"), 0)};
  a.fail(attribute, cat("is '", printable(name), "', which is no activation"));
  return {};
}

}  // namespace ow
