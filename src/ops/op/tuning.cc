#include "ops/op/tuning.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/file.h"
#include "base/text.h"

namespace ow {
namespace {

constexpr std::string_view kHeader = "onward tuning 1\n";
constinit thread_local Tuning* t_tuning = nullptr;

// What the processor calls itself; "" where it does not say.
std::string processor() {
  std::string name;
#if defined(__x86_64__)
  for (unsigned leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    unsigned words[4];
    if (!__get_cpuid(leaf, &words[0], &words[1], &words[2], &words[3])) return "";
    char text[16];
    std::memcpy(text, words, sizeof text);
    name.append(text, sizeof text);
  }
#endif
  name.resize(std::strlen(name.c_str()));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return name;
}

std::string default_path() {
  const char *cache = std::getenv("XDG_CACHE_HOME"), *home = std::getenv("HOME");
  if (cache && *cache) return cat(cache, "/onward/tuning.txt");
  return home && *home ? cat(home, "/.cache/onward/tuning.txt") : std::string();
}

// The folder of a cache may not exist yet.
void make_folder(const std::string& folder) {
  for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    ::mkdir(folder.substr(0, end).c_str(), 0777);
    if (end == std::string::npos) return;
  }
}

}  // namespace

Tuning::Tuning(TuningUse use, std::string path)
    : use_(use), path_(path.empty() ? default_path() : std::move(path)), processor_(processor()) {
  if (use_ != TuningUse::kOff) known_ = read();
}

Tuning::Lines Tuning::read() const {
  Lines lines;
  const auto file = MappedFile::open(path_);
  if (!file.ok()) return lines;
  std::string_view text = (*file)->text();
  if (text.substr(0, kHeader.size()) != kHeader) return lines;
  for (text.remove_prefix(kHeader.size()); !text.empty();) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t last = line.rfind('\t');
    if (last != std::string_view::npos && std::count(line.begin(), line.end(), '\t') == 2)
      lines.insert_or_assign(std::string(line.substr(0, last)), std::string(line.substr(last + 1)));
  }
  return lines;
}

std::optional<size_t> Tuning::choose(std::string_view task, std::span<const std::string_view> methods,
                                     Measure measure) {
  if (use_ == TuningUse::kOff) return std::nullopt;
  const std::string key = cat(processor_, "\t", task);
  if (const auto known = known_.find(key); known != known_.end())
    if (const auto at = std::find(methods.begin(), methods.end(), known->second); at != methods.end())
      return static_cast<size_t>(at - methods.begin());
  if (use_ != TuningUse::kSearch) return std::nullopt;
  std::optional<size_t> best;
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < methods.size(); ++i) {
    double seconds = std::numeric_limits<double>::infinity();
    measure(i, seconds);
    if (seconds < least) least = seconds, best = i;
  }
  if (best) known_[key] = new_[key] = methods[*best];
  return best;
}

Status Tuning::save() {
  if (new_.empty()) return {};
  if (path_.empty())
    return io_error("there is no place for the tuning file: neither XDG_CACHE_HOME nor HOME is set");
  make_folder(folder_of(path_));
  Lines lines = read();
  for (const auto& [key, method] : new_) lines[key] = method;
  std::string text(kHeader);
  for (const auto& [key, method] : lines) text += cat(key, "\t", method, "\n");
  const std::string_view parts[] = {text};
  ONWARD_TRY(write_file(path_, parts));
  new_.clear();
  return {};
}

Tuning* Tuning::current() { return t_tuning; }

TuningScope::TuningScope(Tuning* tuning) : outer_(t_tuning) { t_tuning = tuning; }
TuningScope::~TuningScope() { t_tuning = outer_; }

}  // namespace ow
