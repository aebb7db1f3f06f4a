// Functions of one element over the float32 numbers, against float64.
#pragma once
#include <array>
#include <span>
#include <string>
#include <vector>

#include "numerics/functions.h"

namespace ow::numerics {

// Of one function with one instruction set.
struct Errors {
  int64_t count = 0, above_half = 0, above_one = 0, above_two = 0, inexact = 0;
  double sum = 0, worst = 0;
  float at = 0, got = 0;  // the worst
  void add(float x, float y, double want);
  void add(const Errors& other);
};

struct FunctionErrors {
  std::string name;
  double limit = 0, domain = 0;
  std::vector<std::pair<std::string, Errors>> by_isa;
  bool is_met() const;
};

// all: each of the 2^32 numbers, else 2^20 of them, one of each 4096 neighbours. isas: names; empty: those
// that the processor has. only: functions whose name begins so.
std::vector<FunctionErrors> sweep(bool all, std::span<const std::string> isas, const std::string& only);

}  // namespace ow::numerics
