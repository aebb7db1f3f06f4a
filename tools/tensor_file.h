// One tensor from a file, whatever the file is.
#pragma once
#include <string>

#include "onward/onward.hpp"
#include "tools/npy.h"

namespace onward::tools {

// Told apart by content: .npy, JPEG or PNG, else a serialized TensorProto. A picture is fitted to `input`:
// [N,C,H,W] or [N,H,W,C] with 1 or 3 channels, resized (linear) where H and W are fixed, as 0..1 for floats
// and 0..255 for uint8. Throws apps::FileError.
Value read_tensor(const std::string& path, const ValueInfo& input);

Value tensor_from_npy(const NpyArray& array);

// A tensor as .npy can hold it; types that NumPy lacks are widened (see npy.h). Throws apps::FileError.
NpyArray npy_from_tensor(const Value& value);

}  // namespace onward::tools
