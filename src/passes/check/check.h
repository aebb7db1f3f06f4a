// The model checker: everything that is wrong with a model, not the first thing.
//
// A finding has a stable code, E for errors (the file breaks the ONNX format or a rule of an operator) and W
// for warnings (valid, but surely not meant, or not portable). The first two digits are the area:
//   00 file   01 model   02 graph   03 types   04 tensors   05 external data   06 nodes   07 attributes
//   08 functions   09 training, annotations, devices   10 inference   11 meaning of constants
// Rules follow the ONNX specification (docs/IR.md, onnx.proto, the operators' schemas).
//
// The rules work on the file's own structs. Only with `full` the model is imported too: types and shapes are
// inferred, node by node, past each error; declared types are held against inferred ones, and constants
// against what the operators make of them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/file.h"

namespace ow {

enum class Severity { kError, kWarning };

struct Finding {
  Severity severity = Severity::kError;
  std::string code;      // "E0203"
  std::string location;  // "graph.node[3] 'up/concat' (Concat).input[1]"; "" for the file
  std::string found, expected, advice;
};

struct CheckOptions {
  bool full = false;
  // Of each code, this many are reported one by one; one more finding states how many there were.
  int max_per_code = 100;
};

// Never fails: what keeps a part of the model from being checked is a finding itself. In the order of the
// file.
std::vector<Finding> check_model(const std::shared_ptr<onnx::ModelFile>& file,
                                 const CheckOptions& options = {});

// The finding for a file that could not be read at all.
Finding unreadable_file(const Status& status);

// {"valid", "errors", "warnings", "findings": [{"severity", "code", "location", "found", "expected",
// "advice"}]}
std::string findings_json(const std::vector<Finding>& findings);

// "error E0203 graph.node[3]: found ...; expected ...; advice"
std::string text(const Finding& finding);

}  // namespace ow
