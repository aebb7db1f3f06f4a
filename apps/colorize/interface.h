// Whether a model is a colorizer, from its inputs and outputs alone: any names, any or no fixed size.
#pragma once
#include <string>
#include <vector>

#include "onward/onward.hpp"

namespace onward::apps {

// What a colorizer's model looks like from outside. Sides are 0 where the model leaves them open.
struct ColorizerInterface {
  std::string input, output;
  int width = 0, height = 0;
};

// Throws onward::Error (ONWARD_INVALID_MODEL) that says what was found and what a colorizer has: one float
// input [1,3,H,W] and one float output [1,2,H,W].
ColorizerInterface colorizer_interface(const std::vector<ValueInfo>& inputs,
                                       const std::vector<ValueInfo>& outputs, const std::string& model_name);

}  // namespace onward::apps
