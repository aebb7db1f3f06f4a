// Which of several methods was the quickest for a task on this machine: measured once, kept in a text file.
//
//   onward tuning 1
//   <processor>\t<task>\t<method>
//   ...
//
// A task says all that its time depends on: operator, shape, instruction set, threads. Lines of other
// processors stay as they are. A file that is missing, damaged or not writable costs the search alone.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/thread_pool.h"

namespace ow {

// kKnown: methods that the file has; kSearch: those that it lacks are measured, too.
enum class TuningUse : uint8_t { kOff, kKnown, kSearch };

class Tuning {
 public:
  // path empty: $XDG_CACHE_HOME/onward/tuning.txt, or that in ~/.cache. Damaged lines are left out.
  Tuning(TuningUse use, std::string path = {});
  Tuning(const Tuning&) = delete;
  Tuning& operator=(const Tuning&) = delete;

  // The index of the method for this task, if it is known or was measured now. measure(i, seconds) times
  // method i; a method whose time stays infinite is not taken.
  using Measure = CallableRef<size_t, double&>;
  std::optional<size_t> choose(std::string_view task, std::span<const std::string_view> methods,
                               Measure measure);

  // Adds what was measured to the file, with what others saved meanwhile. Errors: Io.
  Status save();

  const std::string& path() const { return path_; }
  size_t measured() const { return new_.size(); }

  // That of the sessions being compiled on this thread; null: none.
  static Tuning* current();

 private:
  using Lines = std::map<std::string, std::string, std::less<>>;  // "processor\ttask" to method
  Lines read() const;

  const TuningUse use_;
  const std::string path_, processor_;
  Lines known_, new_;
};

// Makes a Tuning the current one of this thread.
class TuningScope {
 public:
  explicit TuningScope(Tuning* tuning);  // null: none
  ~TuningScope();
  TuningScope(const TuningScope&) = delete;
  TuningScope& operator=(const TuningScope&) = delete;

 private:
  Tuning* outer_;
};

}  // namespace ow
