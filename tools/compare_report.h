// What a comparison found, as text, JSON and a page with a chart.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tools/difference.h"
#include "tools/intermediates.h"

namespace onward::tools {

// The first node, in topological order, of which a value is out of tolerance.
struct FirstDifference {
  NodeNames node;
  Difference output;
  std::vector<Difference> inputs;  // those that a node makes; all others are equal on both sides
};

struct Comparison {
  std::string model, with;
  int runs = 1;
  uint64_t seed = 0;
  Gate gate;
  std::vector<Difference> outputs;  // the worst of all runs
  std::vector<Difference> values;   // inside, in topological order, both sides without optimisations
  bool all_values = false;          // false: up to the first difference only
  std::optional<FirstDifference> first;

  bool passed() const;
};

std::string text_report(const Comparison& c);
nlohmann::ordered_json to_json(const Comparison& c);
std::string html_report(const Comparison& c);

}  // namespace onward::tools
