// Progress on stderr: on a terminal one line that is redrawn, with a bar and the time that is left; elsewhere
// nothing but what the caller prints, so that logs stay short.
#pragma once
#include <chrono>
#include <string>

namespace onward::tools {

class Progress {
 public:
  // `enabled` false: silent.
  Progress(int total, bool enabled);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Before item `done` (from 0) starts: `label` is what is worked on.
  void show(int done, const std::string& label);

  // Removes the line, before anything else is printed.
  void clear();

 private:
  int total_;
  bool enabled_, shown_ = false;
  std::chrono::steady_clock::time_point start_;
};

// "[#####     ]  3/10  1 min 5 s left  label", cut to `columns`. The estimate is the mean of what is done.
std::string progress_line(int done, int total, double elapsed_s, const std::string& label, int columns);

}  // namespace onward::tools
