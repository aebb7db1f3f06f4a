#include "tools/explain.h"

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"

namespace onward::tools {
namespace {

using nlohmann::ordered_json;

constexpr size_t kShownAlike = 3;

// The reason without the names in it and without numbers: the layers of a network miss a fusion alike.
std::string without_names(const std::string& reason) {
  std::string out;
  bool quoted = false;
  for (char ch : reason) {
    if (ch == '\'') quoted = !quoted;
    if (!quoted && (ch < '0' || ch > '9')) out += ch;
  }
  return out;
}

void print_pass(const std::string& pass, const std::vector<const ordered_json*>& list) {
  std::printf("%s: %zu not fused\n", pass.c_str(), list.size());
  std::vector<std::string> order;
  std::map<std::string, std::vector<const ordered_json*>> alike;
  for (const ordered_json* m : list) {
    const std::string kind = without_names((*m)["reason"].get<std::string>());
    if (!alike.count(kind)) order.push_back(kind);
    alike[kind].push_back(m);
  }
  for (const std::string& kind : order) {
    const auto& group = alike[kind];
    for (size_t i = 0; i < group.size() && i < kShownAlike; ++i)
      std::printf("  %s\n      %s\n", (*group[i])["node"].get<std::string>().c_str(),
                  ow::printable((*group[i])["reason"].get<std::string>(), 2000).c_str());
    if (group.size() > kShownAlike)
      std::printf("  and %zu like these; --json lists all\n", group.size() - kShownAlike);
  }
}

}  // namespace

ordered_json missed_json(const ow::MissedFusions& missed) {
  ordered_json list = ordered_json::array();
  for (const ow::MissedFusion& m : missed.list())
    list.push_back({{"pass", m.pass}, {"node", m.node}, {"output", m.output}, {"reason", m.reason}});
  return list;
}

void print_missed(const ordered_json& missed) {
  std::vector<std::string> passes;
  std::map<std::string, std::vector<const ordered_json*>> of;
  for (const auto& m : missed) {
    const auto pass = m["pass"].get<std::string>();
    if (!of.count(pass)) passes.push_back(pass);
    of[pass].push_back(&m);
  }
  if (passes.empty()) std::printf("no fusion was missed\n");
  for (const std::string& pass : passes) print_pass(pass, of[pass]);
}

}  // namespace onward::tools
