// What a run gave: a summary of each output for people and scripts, and files.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "onward/onward.hpp"

namespace onward::tools {

// {name, kind, and for a tensor: type, shape, and min, max, mean, nan_count where it holds real numbers}.
// min, max and mean are over the finite values, null where there is none.
nlohmann::json summarize(const std::string& name, const Value& value);

// "name  float32 [1,1000]  min -3.1  max 8.2  mean 0.001"
std::string summary_text(const nlohmann::json& summary);

// Writes NAME.npy for a tensor, NAME_0.npy, ... for a sequence of tensors, and NAME.json for a map, each
// atomically; an empty optional writes nothing. In names, what is not a letter, digit, '.', '_' or '-'
// becomes
// '_'. Returns the paths. Throws apps::FileError.
std::vector<std::string> write_outputs(const std::string& folder, const std::vector<std::string>& names,
                                       const std::vector<Value>& values);

// An output's name as a file name; never empty, never starts with '.'.
std::string safe_name(const std::string& name);

// "float32"; NumPy's word where it has one.
const char* type_name(onward_dtype dtype);

}  // namespace onward::tools
