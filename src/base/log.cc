#include "base/log.h"

#include <atomic>
#include <cstdio>

namespace ow {
namespace {
constinit std::atomic<LogLevel> g_level{LogLevel::kWarning};
constinit std::atomic<LogSink> g_sink{nullptr};
constinit std::atomic<void*> g_user{nullptr};
}  // namespace

void set_log_level(LogLevel level) { g_level = level; }
LogLevel log_level() { return g_level.load(std::memory_order_relaxed); }

void set_log_sink(LogSink sink, void* user) {
  g_user = user;
  g_sink = sink;
}

void log_message(LogLevel level, std::string_view message) {
  if (LogSink sink = g_sink) return sink(g_user, level, message);
  static constexpr const char* kNames[] = {"verbose", "info", "warning", "error", "off"};
  std::string line = cat("onward: ", kNames[static_cast<int>(level)], ": ", printable(message, 4000), '\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace ow
