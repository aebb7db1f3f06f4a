#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <shared_mutex>

namespace ow {
namespace {

constinit std::atomic<LogLevel> g_level{LogLevel::kWarning};

struct Sink {
  std::shared_mutex mutex;  // held shared during a call, so that a sink that was replaced is called no more
  LogSink call = nullptr;
  void* user = nullptr;
};

// Never destroyed: threads may log while the process ends.
Sink& sink() {
  static auto* const made = new Sink;
  return *made;
}

}  // namespace

void set_log_level(LogLevel level) { g_level = level; }
LogLevel log_level() { return g_level.load(std::memory_order_relaxed); }

void set_log_sink(LogSink call, void* user) {
  Sink& s = sink();
  std::lock_guard lock(s.mutex);
  s.call = call;
  s.user = user;
}

void log_message(LogLevel level, std::string_view message) {
  Sink& s = sink();
  std::shared_lock lock(s.mutex);
  if (s.call) return s.call(s.user, level, message);
  static constexpr const char* kNames[] = {"verbose", "info", "warning", "error", "off"};
  std::string line = cat("onward: ", kNames[static_cast<int>(level)], ": ", printable(message, 4000), '\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace ow
