// The inputs of one run: from files, and random where there is none.
//
// A dimension that the model leaves open is settled in this order: by a file given for that input; by --shape
// NAME=1x3x224x224; by --shape SYMBOL=N, or the same symbol in an input settled before; 1 for the first axis.
// Any other open dimension is an error that says which flag to give.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "onward/onward.hpp"

namespace onward::tools {

struct InputRequest {
  std::vector<std::string> files;   // "NAME=SOURCE" (see value_file.h), or an .npz with arrays of their names
  std::vector<std::string> shapes;  // "NAME=1x3x224x224" or "SYMBOL=N"
  uint64_t seed = 0;
};

// Throws UsageError for what does not fit the model, apps::FileError for a file that cannot be read.
Inputs make_inputs(const Model& model, const InputRequest& request);

// "1x3x224x224" -> dims. False where it is anything else than numbers >= 0 with 'x' between them.
bool parse_shape(const std::string& text, std::vector<int64_t>& dims);

// The shape of an input with open dimensions settled by `symbols`; what is settled now is added to them.
std::vector<int64_t> settle_shape(const ValueInfo& input, std::map<std::string, int64_t>& symbols);

// Values drawn from a fixed sequence: floats in [0, 1), 8-bit integers over their range, wider ones in 0..9
// (they are often indices), bools evenly, texts "s0".."s9".
Value random_tensor(onward_dtype dtype, const std::vector<int64_t>& shape, uint64_t& state,
                    const std::string& name);

}  // namespace onward::tools
