// Ten small models of ten kinds, for tests that damage files or take memory away. Built here, so that each of
// them is a few hundred bytes and says what it is.
#pragma once
#include <string>
#include <vector>

namespace ow::faults {

struct SmallModel {
  std::string name;
  std::string bytes;
};

// conv_net, if_loop, functions, external_data, sparse_initializer, strings, sequences, ml_trees, quantized,
// ir_version_1. More come from the folder that the
// environment variable ONWARD_FAULT_MODELS names, if it is set: all .onnx files beneath it of at most 2 KiB.
const std::vector<SmallModel>& small_models();
// Whether a model is one of those from outside, which need not run here.
bool is_extra(size_t index);
// Where the data of external_data is: a folder of this process, which is removed when the tests are over.
const char* data_folder();

}  // namespace ow::faults
