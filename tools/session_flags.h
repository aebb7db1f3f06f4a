// The flags that every command with a session has, and the numbers that every timing has.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "onward/onward.hpp"
#include "tools/inputs.h"

namespace onward::tools {

struct SessionFlags {
  std::string model;
  std::string optimization = "full";
  std::string log_level = "warning";
  std::string tuning;  // "": as the session has it by default
  bool strict = false;
  double memory_limit_mib = 0;
  InputRequest inputs;
  SessionOptions options;

  void add_to(CLI::App& command);

  // `options` with the flags that need translation. Sets the process's log level.
  SessionOptions session_options() const;
};

// Milliseconds; percentiles with linear interpolation between the nearest ranks. `ms` must not be empty.
struct Timing {
  double median = 0, p10 = 0, p90 = 0, mean = 0;
};
Timing timing_of(std::vector<double> ms);

}  // namespace onward::tools
