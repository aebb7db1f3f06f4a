// Levelled log to one process-wide sink (stderr by default). Cheap when the level is off.
#pragma once
#include <string>
#include <string_view>

#include "base/text.h"

namespace ow {

enum class LogLevel : int { kVerbose = 0, kInfo = 1, kWarning = 2, kError = 3, kOff = 4 };

using LogSink = void (*)(void* user, LogLevel level, std::string_view message);

void set_log_level(LogLevel level);
LogLevel log_level();
void set_log_sink(LogSink sink, void* user);  // nullptr: back to stderr
void log_message(LogLevel level, std::string_view message);

template <class... T>
void log(LogLevel level, const T&... parts) {
  if (level >= log_level()) log_message(level, cat(parts...));
}

}  // namespace ow
