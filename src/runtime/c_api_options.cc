// The C interface: what the caller's option structs say, and options as text (config_keys).
#include <charconv>

#include "runtime/c_api.h"

namespace ow::capi {
namespace {

Status check_list(const void* first, const void* second, size_t count, const char* what) {
  return count && (!first || !second) ? null_argument(what) : Status();
}

Result<int64_t> number(std::string_view value, int64_t low, int64_t high) {
  int64_t out = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc() || end != value.data() + value.size() || out < low || out > high)
    return invalid_argument("is '", printable(value), "', expected a number from ", low, " to ", high);
  return out;
}

Result<bool> flag(std::string_view value) {
  if (value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return invalid_argument("is '", printable(value), "', expected 0 or 1");
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) out.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

template <size_t N>
Result<int> word(std::string_view value, const char* const (&words)[N]) {
  for (size_t i = 0; i < N; ++i)
    if (value == words[i]) return static_cast<int>(i);
  return invalid_argument("is '", printable(value), "', expected ", list_text(words, "one of ", ""));
}

constexpr const char* kLevels[] = {"off", "basic", "full"};
constexpr const char* kTuningUses[] = {"off", "known", "search"};
constexpr const char* kLogLevels[] = {"verbose", "info", "warning", "error", "off"};

struct Key {
  const char* name;
  const char* meaning;
  Status (*set)(SessionOptions& o, std::string_view value);
};

constexpr Key kKeys[] = {
    {"threads", "threads of a run; 0: as many as the process may use",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.threads = static_cast<int>(ONWARD_TRY(number(v, 0, 1024)));
       return {};
     }},
    {"optimization", "how much the graph is rewritten: off, basic or full",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.level = static_cast<Level>(ONWARD_TRY(word(v, kLevels)));
       return {};
     }},
    {"strict_math",
     "1: products of float32 are summed in double, in the operators' own order, and rounded once, with the "
     "same bits from every instruction set (docs/numerics.md)",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.strict_math = ONWARD_TRY(flag(v));
       return {};
     }},
    {"disabled_passes", "names of passes to leave out, separated by commas",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.skipped_passes = split(v);
       return {};
     }},
    {"memory_limit_bytes", "of one run, weights not counted; 0: none",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.memory_limit_bytes = ONWARD_TRY(number(v, 0, INT64_MAX));
       return {};
     }},
    {"providers", "in order of preference, separated by commas",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.providers = split(v);
       return {};
     }},
    {"strict_providers", "1: what the first provider cannot run is an error",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.strict_providers = ONWARD_TRY(flag(v));
       return {};
     }},
    {"profile", "1: keep per-node times from the start",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.profile = ONWARD_TRY(flag(v));
       return {};
     }},
    {"profile_path", "a Chrome trace is written there when the session ends",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.profile_path = v;
       return {};
     }},
    {"random_seed",
     "of operators that state none; run i of a session then draws the same numbers in every such session",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.random_seed = static_cast<uint64_t>(ONWARD_TRY(number(v, INT64_MIN, INT64_MAX)));
       return {};
     }},
    {"tuning",
     "off; known: methods of layers that are in the tuning file; search: others are measured now and added "
     "to it",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.tuning = static_cast<TuningUse>(ONWARD_TRY(word(v, kTuningUses)));
       return {};
     }},
    {"tuning_file",
     "where the quickest methods are kept (default: onward/tuning.txt in the user's cache folder)",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.tuning_file = v;
       return {};
     }},
    {"log_id", "stands before each message of the session",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.log_id = v;
       return {};
     }},
    {"log_level", "verbose, info, warning, error or off, for the session's messages",
     [](SessionOptions& o, std::string_view v) -> Status {
       o.log_level = static_cast<LogLevel>(ONWARD_TRY(word(v, kLogLevels)));
       return {};
     }},
};

Status set_config(SessionOptions& o, const char* key, const char* value) {
  if (!key || !value) return null_argument("a config key or value");
  std::vector<std::string> known;
  for (const Key& k : kKeys) {
    if (std::string_view(k.name) == key) return k.set(o, value).context(cat("config '", k.name, "'"));
    known.emplace_back(k.name);
  }
  return invalid_argument("there is no config '", printable(key), "'; there are ", list_text(known, "", ""));
}

}  // namespace

size_t config_count() { return std::size(kKeys); }
const char* config_key(size_t i) { return i < std::size(kKeys) ? kKeys[i].name : nullptr; }
const char* config_meaning(size_t i) { return i < std::size(kKeys) ? kKeys[i].meaning : nullptr; }

Result<std::map<std::string, Tensor, std::less<>>> read_initializers(const char* const* names,
                                                                     const onward_value* const* values,
                                                                     size_t count) {
  ONWARD_TRY(check_list(names, values, count, "initializer_names or initializers"));
  std::map<std::string, Tensor, std::less<>> out;
  for (size_t i = 0; i < count; ++i) {
    if (!names[i]) return null_argument("an initializer's name");
    const Tensor* t = tensor_of(values[i]);
    if (!t) return invalid_argument("initializer '", printable(names[i]), "' is given no tensor");
    if (!out.emplace(names[i], ONWARD_TRY(t->owned())).second)
      return invalid_argument("initializer '", printable(names[i]), "' is given twice");
  }
  return out;
}

Result<std::map<std::string, int64_t, std::less<>>> read_sizes(const char* const* names, const int64_t* sizes,
                                                               size_t count) {
  ONWARD_TRY(check_list(names, sizes, count, "names or sizes of dimensions"));
  std::map<std::string, int64_t, std::less<>> out;
  for (size_t i = 0; i < count; ++i) {
    if (!names[i]) return null_argument("a dimension's name");
    if (!out.emplace(names[i], sizes[i]).second)
      return invalid_argument("dimension '", printable(names[i]), "' is given twice");
  }
  return out;
}

Result<LoadOptions> read_model_options(const onward_model_options* given) {
  const auto o = ONWARD_TRY(read_struct(given, "onward_model_options"));
  LoadOptions out;
  if (o.external_data_folder) out.folder = o.external_data_folder;
  out.initializers = ONWARD_TRY(read_initializers(o.initializer_names, o.initializers, o.initializer_count));
  ONWARD_TRY(check_list(o.file_names, o.file_data, o.file_count, "file_names or file_data"));
  if (o.file_count && !o.file_bytes) return null_argument("file_bytes");
  for (size_t i = 0; i < o.file_count; ++i) {
    if (!o.file_names[i] || (!o.file_data[i] && o.file_bytes[i]))
      return null_argument("a file's name or data");
    out.files.emplace_back(o.file_names[i],
                           std::span(static_cast<const std::byte*>(o.file_data[i]), o.file_bytes[i]));
  }
  return out;
}

Result<SessionOptions> read_session_options(const onward_session_options* given) {
  const auto o = ONWARD_TRY(read_struct(given, "onward_session_options"));
  SessionOptions out;
  out.threads = o.threads;
  out.level = o.optimization == ONWARD_OPTIMIZE_OFF     ? Level::kOff
              : o.optimization == ONWARD_OPTIMIZE_BASIC ? Level::kBasic
                                                        : Level::kFull;
  out.memory_limit_bytes = o.memory_limit_bytes;
  if (o.provider_count && !o.providers) return null_argument("providers");
  for (size_t i = 0; i < o.provider_count; ++i)
    out.providers.emplace_back(o.providers[i] ? o.providers[i] : "");
  out.strict_providers = o.strict_providers != 0;
  out.profile = o.profile != 0;
  if (o.profile_path) out.profile_path = o.profile_path;
  if (o.log_id) out.log_id = o.log_id;
  if (o.has_log_level) out.log_level = static_cast<LogLevel>(std::clamp(o.log_level, 0, 4));
  if (o.log_sink)
    out.log_sink = [fn = o.log_sink, user = o.log_user](LogLevel level, std::string_view message) {
      fn(user, static_cast<int32_t>(level), std::string(message).c_str());
    };
  out.overrides.dims = ONWARD_TRY(read_sizes(o.dim_names, o.dim_sizes, o.dim_count));
  out.overrides.denotations =
      ONWARD_TRY(read_sizes(o.denotation_names, o.denotation_sizes, o.denotation_count));
  out.overrides.initializers =
      ONWARD_TRY(read_initializers(o.initializer_names, o.initializers, o.initializer_count));
  out.memory = ONWARD_TRY(read_allocator(o.allocator));
  ONWARD_TRY(check_list(o.config_keys, o.config_values, o.config_count, "config_keys or config_values"));
  for (size_t i = 0; i < o.config_count; ++i)
    ONWARD_TRY(set_config(out, o.config_keys[i], o.config_values[i]));
  return out;
}

}  // namespace ow::capi
