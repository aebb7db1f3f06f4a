// A value of any kind from a file, a folder, or text.
//
//   .npy, .pb, a picture    one tensor; a .pb is read as what the input is: TensorProto, SequenceProto,
//                           MapProto or OptionalProto; pictures: apps/image/read.h
//   .npz                    the array of the input's name, the only one, or FILE.npz:NAME
//   .json                   a literal in a file
//   a folder, or a pattern  the items of a sequence: its .npy and .pb files, in order of the numbers in their
//   FOLDER/NAME_*.npy       names
//   a literal               [[1,2,3]], 0.5, "text", {"a": 1}, null: a tensor by nesting, a sequence as a list
//                           of tensors, a map as an object, nothing for an optional
#pragma once
#include <string>
#include <vector>

#include "tools/datum.h"
#include "tools/npy.h"

namespace onward::tools {

// `port` says what is expected; with type "?" the file decides. Throws apps::FileError: the file, what was
// found, what was expected.
Datum read_value(const std::string& source, const ValueInfo& port);

// Literals alone. `name` is for messages.
Datum parse_literal(const std::string& text, const ValueInfo& port, const std::string& name);
bool looks_like_literal(const std::string& text);

// Sorted so that item_2 comes before item_10.
std::vector<std::string> natural_order(std::vector<std::string> names);

struct NpzEntry {
  std::string name;  // without ".npy"
  NpyArray array;
};
// NumPy's archive of arrays: a ZIP of .npy files, stored or deflated. Throws apps::FileError.
std::vector<NpzEntry> read_npz(const std::string& path);

}  // namespace onward::tools
