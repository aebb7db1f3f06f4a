// One tensor as the formats of files hold it.
#pragma once
#include <string>

#include "onnx/model.h"
#include "onward/onward.hpp"
#include "tools/npy.h"

namespace onward::tools {

// A picture, fitted to `input`: [N,C,H,W] or [N,H,W,C] with 1 or 3 channels, resized (linear) where H and W
// are fixed, as 0..1 for floats and 0..255 for uint8. For an input of uint8[n], which ImageDecoder takes, the
// file's bytes. Throws apps::FileError.
Value read_picture(const std::string& path, const ValueInfo& input);

// Throws apps::FileError, which names `path`.
Value tensor_from_proto(const ow::onnx::Tensor& proto, const std::string& path);

Value tensor_from_npy(const NpyArray& array);

// A tensor as .npy can hold it; types that NumPy lacks are widened (see npy.h). Throws apps::FileError.
NpyArray npy_from_tensor(const Value& value);

}  // namespace onward::tools
