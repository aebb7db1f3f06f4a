// The JSON report of a command, on standard output.
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace onward::tools {

// Text that is not UTF-8 (a name out of a file) is shown with replacement characters, never refused.
template <class Json>
std::string json_text(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <class Json>
void print_json(const Json& report) {
  std::fputs(json_text(report).c_str(), stdout);
}

}  // namespace onward::tools
