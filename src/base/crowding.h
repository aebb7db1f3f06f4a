// Whether other programs want the CPU that a thread runs on: then a thread that waits awake takes from its
// own share of the CPU what it needs for work, and lets the others go first when work comes.
//
// A thread that neither sleeps nor waits for the system uses as much CPU time as time goes by. What is
// missing of it, it spent runnable while something else ran.
#pragma once
#include <cstdint>

namespace ow {

class Crowding {
 public:
  // To be called right before the thread sleeps, and when it goes on.
  void before_sleep() { add(); }
  void after_sleep();

  // Whether in the last second the thread waited a tenth of some 10 ms for a CPU. Two calls of the system.
  bool noticed();

 private:
  int64_t add();  // the time since it was last asked; returns the time, ns

  int64_t awake_ns_ = 0, used_ns_ = 0;       // time awake, and CPU time of it, that was not judged yet
  int64_t last_ns_ = -1, last_used_ns_ = 0;  // when it was last asked; negative: never
  int64_t until_ns_ = 0;
};

}  // namespace ow
