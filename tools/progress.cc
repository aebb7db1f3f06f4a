#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace onward::tools {
namespace {

constexpr int kBarColumns = 24;

std::string duration(double seconds) {
  const auto s = static_cast<long>(std::lround(std::min(seconds, 1e8)));
  if (s < 60) return std::to_string(s) + " s";
  if (s < 3600) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  return std::to_string(s / 3600) + " h " + std::to_string(s % 3600 / 60) + " min";
}

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(int done, int total, double elapsed_s, const std::string& label, int columns) {
  const int filled = total > 0 ? kBarColumns * done / total : 0;
  std::string line = "[" + std::string(filled, '#') + std::string(kBarColumns - filled, ' ') + "] ";
  line += std::to_string(done) + "/" + std::to_string(total);
  if (done > 0) line += "  " + duration(elapsed_s / done * (total - done)) + " left";
  line += "  " + label;
  const size_t room = static_cast<size_t>(std::max(columns - 1, 0));
  if (line.size() > room) {
    line.resize(room);
    while (!line.empty() && (line.back() & 0x80)) line.pop_back();  // no half of a UTF-8 character
  }
  return line;
}

Progress::Progress(int total, bool enabled)
    : total_(total), enabled_(enabled && ::isatty(STDERR_FILENO)), start_(std::chrono::steady_clock::now()) {}

void Progress::show(int done, const std::string& label) {
  if (!enabled_) return;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::fprintf(stderr, "\r\033[K%s", progress_line(done, total_, elapsed, label, terminal_columns()).c_str());
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

}  // namespace onward::tools
