// One official test case, as the onnx package stores it:
//
//   <suite>/<name>/model.onnx
//   <suite>/<name>/test_data_set_<i>/input_<k>.pb, output_<k>.pb
//
// A .pb file holds a TensorProto, SequenceProto or OptionalProto; which one, only the model's declaration of
// that input or output tells. Inputs that are initializers too (IR version 3) have no file.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "tensor/value.h"

namespace ow {

struct TestCase {
  std::string suite, name, folder;
  std::string full_name() const { return suite + "/" + name; }
};

struct NamedValue {
  std::string name;
  Value value;
};

struct DataSet {
  std::string name;  // "test_data_set_0"
  std::vector<NamedValue> inputs, outputs;
};

// The cases in a suite's folder, by name. Errors: Io.
Result<std::vector<TestCase>> find_cases(const std::string& suite_folder);

// All data sets of a case, at least one. Errors: Io, InvalidModel.
Result<std::vector<DataSet>> read_data_sets(const TestCase& test);

}  // namespace ow
