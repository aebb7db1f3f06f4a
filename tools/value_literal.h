// JSON text as a value, and arrays of other element types as what an input wants.
#pragma once
#include <string>

#include "tools/npy.h"
#include "tools/value_file.h"

namespace onward::tools {

// The array as a tensor of the input's element type. Raw elements (NumPy's V1 and V2, which ml_dtypes writes)
// take the input's type; a wider number becomes a narrow or sub-byte one where nothing is lost. Everything
// else stays as it is, for the run to judge. Throws apps::FileError.
Value fit_tensor(const NpyArray& array, const ValueInfo& port, const std::string& name);

}  // namespace onward::tools
