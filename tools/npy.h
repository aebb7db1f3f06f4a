// NumPy's .npy files: what `onward run` reads its inputs from and writes its outputs to.
//
//   "\x93NUMPY", major, minor (1 byte each), header length (2 bytes; 4 from version 2 on), header, data
//   header: a Python dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, padded to 64
//   bytes
//
// Read: b1, i1..i8, u1..u8, f2, f4, f8, c8, c16, U and S in either byte order and either element order.
// V1, V2 and f1, raw elements, are read with dtype UNDEFINED: what NumPy writes for the types of ml_dtypes,
// whose name it drops. Written: the same, little endian, row-major. What NumPy has no type for is written as
// the nearest wider one: bfloat16 and the 8-bit and 4-bit floats as f4, 2- and 4-bit integers as i1 or u1.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "onward/onward.h"

namespace onward::tools {

// Row-major. `bytes` for numbers, `strings` (UTF-8) for ONWARD_STRING.
struct NpyArray {
  onward_dtype dtype = ONWARD_UNDEFINED;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;
  std::vector<std::string> strings;
};

// Throws apps::FileError: "NAME: reason".
NpyArray parse_npy(std::span<const uint8_t> file, const std::string& name);
NpyArray read_npy(const std::string& path);

// Throws apps::FileError; `array` has one of the types that are read above.
std::vector<uint8_t> format_npy(const NpyArray& array, const std::string& name);

}  // namespace onward::tools
