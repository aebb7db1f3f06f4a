// How far a value is from the one that was expected. With d_i = found_i - expected_i over pairs of finite
// elements:
//   max abs    max |d_i|                       L1   sum |d_i|        L2   sqrt(sum d_i^2)
//   max rel    max |d_i| / |expected_i|        relative L2   L2 / sqrt(sum expected_i^2)
//   cosine     sum f_i e_i / (|f| |e|)         mismatched    |d_i| > atol + rtol |expected_i|
// An element that is NaN or infinite on one side only, or infinite with another sign, counts as mismatched.
// Integers, bools and text must be equal (integers within atol where that is at least 1). Sequences and maps
// are compared as all their elements, one after the other. Computed in double, in order.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/datum.h"

namespace onward::tools {

struct Gate {
  double rtol = 1e-3, atol = 1e-5;
  std::optional<double> max_rel_l2, min_cosine, max_abs;
  double max_mismatched = 0;  // part of the elements, 0..1
};

struct Difference {
  std::string name;
  std::string found_type, expected_type;
  std::string problem;    // why elements could not be compared; empty: they were
  bool same_type = true;  // element types differ, though values were compared
  uint64_t count = 0, mismatched = 0;
  uint64_t non_finite_found = 0, non_finite_expected = 0, non_finite_mismatched = 0;
  double max_abs = 0, max_rel = 0, l1 = 0, l2 = 0, rel_l2 = 0, cosine = 1;
  uint64_t worst = 0;  // where max_abs is, as an index into all elements
  double worst_found = 0, worst_expected = 0;
  // Of an output that looks like scores [rows, classes]: in how many rows the largest is in the same place,
  // and which part of the `top_k` largest is the same, on average.
  uint64_t rows = 0, same_argmax = 0, top_k = 0;
  double same_top_k = 0;
  std::string failed;  // the first bound of the gate that does not hold; empty: all hold

  bool passed() const { return failed.empty(); }
};

Difference difference_of(const std::string& name, const Datum& found, const Datum& expected,
                         const Gate& gate);

nlohmann::ordered_json to_json(const Difference& d);

}  // namespace onward::tools
