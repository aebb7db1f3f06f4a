// The table of all operators, built on first use from the files that CMake listed, and never destroyed.
#include <algorithm>

#include "ops/op/op_file.h"

#define ONWARD_OP_FILE(stem)     \
  namespace ow {                 \
  OpList onward_ops_of_##stem(); \
  }
#include "op_files.inc"
#undef ONWARD_OP_FILE

namespace ow {
namespace {

std::pair<std::string_view, std::string_view> key(const Op* op) { return {op->domain, op->name}; }

std::vector<const Op*> build() {
  std::vector<const Op*> all;
  auto add = [&](OpList list) {
    for (auto& item : std::move(list).take()) all.push_back(item.release());
  };
#define ONWARD_OP_FILE(stem) add(onward_ops_of_##stem());
#include "op_files.inc"
#undef ONWARD_OP_FILE
  std::sort(all.begin(), all.end(), [](const Op* a, const Op* b) { return key(a) < key(b); });
  return all;
}

}  // namespace

const std::vector<const Op*>& all_ops() {
  static const auto* const all = new std::vector<const Op*>(build());
  return *all;
}

const Op* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  const auto& all = all_ops();
  std::pair wanted{domain, name};
  auto it =
      std::lower_bound(all.begin(), all.end(), wanted, [](const Op* a, const auto& k) { return key(a) < k; });
  return it != all.end() && key(*it) == wanted ? *it : nullptr;
}

std::string_view op_file(const Op& op) {
#define ONWARD_OP_FILE(stem)                             \
  for (const auto& item : onward_ops_of_##stem().take()) \
    if (item->domain == op.domain && item->name == op.name) return #stem;
#include "op_files.inc"
#undef ONWARD_OP_FILE
  return {};
}

}  // namespace ow
