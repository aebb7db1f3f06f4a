// Per-node times: a summary, and a trace in Chrome's format (chrome://tracing, Perfetto).
#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/graph.h"

namespace ow {

class Profiler {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  static Time now() { return Clock::now(); }

  // `node` null: a change of memory order. Safe from several threads.
  void record(const ir::Node* node, Time begin, Time end);

  struct Row {
    std::string name, op;
    int64_t calls = 0;
    double total_us = 0;
  };
  std::vector<Row> rows() const;     // longest first
  std::string summary_json() const;  // [{"name":..,"op":..,"calls":..,"total_us":..}]
  std::string trace_json() const;    // an array of Chrome's "X" events; times in us since the first
  Status write_trace(const std::string& path) const;
  void clear();

 private:
  struct Event {
    const ir::Node* node;
    Time begin, end;
    uint64_t thread;
  };
  static constexpr size_t kMaxEvents = 1'000'000;
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace ow
