// The functions of one element that are held against float64.
#pragma once
#include <string>
#include <vector>

#include "onnx/model.h"

namespace ow::numerics {

struct Function {
  std::string name;
  // Units in the last place that no result is further from the true value; 0: correctly rounded, bit for bit.
  // Infinity: none is promised.
  double limit;
  std::vector<onnx::Node> nodes;  // from x to y
  double (*reference)(double);
  double domain = 1e300;  // the limit holds for |x| up to it
};

// In the order of the table.
std::vector<Function> functions();

}  // namespace ow::numerics
