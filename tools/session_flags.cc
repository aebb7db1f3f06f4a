#include "tools/session_flags.h"

#include <algorithm>
#include <numeric>

namespace onward::tools {
namespace {

// In the order of onward_api::set_log_level.
constexpr std::string_view kLogLevels[] = {"verbose", "info", "warning", "error", "off"};

}  // namespace

void SessionFlags::add_to(CLI::App& command) {
  command.add_option("model", model, "The ONNX file")->required()->type_name("MODEL");
  command
      .add_option("--input", inputs.files,
                  "An input: a .npy, .npz, .pb, .json, a picture (JPEG, PNG, TIFF, WebP, ...), a folder of\n"
                  ".npy for a sequence, or a literal as [[1,2,3]]; an .npz alone gives all inputs it has;\n"
                  "else random")
      ->type_name("NAME=SOURCE|FILE.npz");
  command.add_option("--shape", inputs.shapes, "Shape of a random input, or value of an open dimension")
      ->type_name("NAME=1x3x224x224|SYMBOL=N");
  command.add_option("--seed", inputs.seed, "Of the random inputs");
  command.add_option("--provider", options.providers,
                     "Execution providers in order of preference; the CPU is last");
  command.add_option("--threads", options.threads, "Threads (default: all)")->check(CLI::Range(1, 1024));
  command.add_option("--optimization", optimization, "How much the graph is rewritten first (default: full)")
      ->check(CLI::IsMember({"off", "basic", "full"}));
  command
      .add_option(
          "--tuning", tuning,
          "Methods of layers by trial: known (those in the tuning file) or search (measures the others and\n"
          "adds them to it; default: off)")
      ->check(CLI::IsMember({"off", "known", "search"}));
  command.add_flag("--strict-providers", strict, "What the first provider cannot run is an error");
  command
      .add_option("--memory-limit", memory_limit_mib, "Most memory that a run may take, weights not counted")
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("MIB");
  command.add_option("--log-level", log_level, "verbose, info, warning (default), error or off")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kLogLevels), std::end(kLogLevels))));
}

SessionOptions SessionFlags::session_options() const {
  const auto level =
      std::find(std::begin(kLogLevels), std::end(kLogLevels), log_level) - std::begin(kLogLevels);
  api().set_log_level(static_cast<int32_t>(level));
  SessionOptions o = options;
  o.strict_providers = strict;
  if (!tuning.empty()) o.config.emplace_back("tuning", tuning);
  o.memory_limit_bytes = static_cast<int64_t>(memory_limit_mib * 1024 * 1024);
  o.optimization = optimization == "off"     ? ONWARD_OPTIMIZE_OFF
                   : optimization == "basic" ? ONWARD_OPTIMIZE_BASIC
                                             : ONWARD_OPTIMIZE_FULL;
  return o;
}

Timing timing_of(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double part) {
    const double rank = part * static_cast<double>(ms.size() - 1);
    const auto low = static_cast<size_t>(rank);
    const double high = ms[std::min(low + 1, ms.size() - 1)];
    return ms[low] + (high - ms[low]) * (rank - static_cast<double>(low));
  };
  const double sum = std::accumulate(ms.begin(), ms.end(), 0.0);
  return {at(0.5), at(0.1), at(0.9), sum / static_cast<double>(ms.size())};
}

}  // namespace onward::tools
