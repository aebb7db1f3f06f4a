#include "apps/colorize/interface.h"

#include "apps/colorize/pipeline.h"

namespace onward::apps {
namespace {

constexpr const char* kExpected =
    "; a colorizer has one float input [1,3,H,W] and one float output [1,2,H,W]";

[[noreturn]] void refuse(const std::string& model_name, const std::string& found) {
  throw Error(ONWARD_INVALID_MODEL, model_name + ": not a colorizer: " + found + kExpected);
}

// Batch 1 and `channels` channels, or left open.
void check_value(const ValueInfo& v, const char* what, int64_t channels, const std::string& model_name) {
  const auto open_or = [](int64_t dim, int64_t wanted) { return dim == wanted || dim < 0; };
  const bool fits =
      v.kind == ONWARD_TENSOR && v.dtype == ONWARD_FLOAT32 &&
      (!v.has_rank || (v.shape.size() == 4 && open_or(v.shape[0], 1) && open_or(v.shape[1], channels)));
  if (!fits) refuse(model_name, std::string("its ") + what + " '" + v.name + "' is " + v.type);
}

int fixed_side(const ValueInfo& v, size_t axis, const std::string& model_name) {
  if (!v.has_rank || v.shape[axis] < 0) return 0;
  if (v.shape[axis] == 0 || v.shape[axis] > kMaxSize)
    refuse(model_name, "its input '" + v.name + "' is " + v.type + ", with a side outside 1.." +
                           std::to_string(kMaxSize));
  return static_cast<int>(v.shape[axis]);
}

}  // namespace

ColorizerInterface colorizer_interface(const std::vector<ValueInfo>& inputs,
                                       const std::vector<ValueInfo>& outputs, const std::string& model_name) {
  const ValueInfo* input = nullptr;
  size_t required = 0;
  for (const ValueInfo& v : inputs) {
    if (v.is_optional) continue;
    input = &v;
    ++required;
  }
  if (required != 1) refuse(model_name, "it has " + std::to_string(required) + " inputs");
  if (outputs.size() != 1) refuse(model_name, "it has " + std::to_string(outputs.size()) + " outputs");
  check_value(*input, "input", 3, model_name);
  check_value(outputs[0], "output", 2, model_name);
  return {input->name, outputs[0].name, fixed_side(*input, 3, model_name), fixed_side(*input, 2, model_name)};
}

}  // namespace onward::apps
