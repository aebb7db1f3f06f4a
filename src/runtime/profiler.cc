#include "runtime/profiler.h"

#include <algorithm>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/json.h"

namespace ow {

void Profiler::record(const ir::Node* node, Time begin, Time end) {
  std::lock_guard lock(mutex_);
  if (events_.size() < kMaxEvents)
    events_.push_back({node, begin, end, std::hash<std::thread::id>()(std::this_thread::get_id()) % 100000});
}

std::vector<Profiler::Row> Profiler::rows() const {
  std::lock_guard lock(mutex_);
  std::map<const ir::Node*, Row> by_node;
  for (const Event& e : events_) {
    Row& row = by_node[e.node];
    if (row.calls++ == 0) {
      row.op = e.node ? e.node->op_type : "Reorder";
      row.name = e.node
                     ? (e.node->name.empty() && e.node->output(0) ? e.node->output(0)->name() : e.node->name)
                     : "";
    }
    row.total_us += std::chrono::duration<double, std::micro>(e.end - e.begin).count();
  }
  std::vector<Row> rows;
  for (auto& [node, row] : by_node) rows.push_back(std::move(row));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.total_us > b.total_us; });
  return rows;
}

std::string Profiler::summary_json() const {
  std::string out = "[";
  for (const Row& row : rows())
    out +=
        cat(out.size() > 1 ? ",\n" : "", "{\"name\":", json_string(row.name), ",\"op\":", json_string(row.op),
            ",\"calls\":", row.calls, ",\"total_us\":", row.total_us, "}");
  return out + "]";
}

std::string Profiler::trace_json() const {
  std::string out = "[\n";
  {
    std::lock_guard lock(mutex_);
    const Time origin = events_.empty() ? Time() : events_.front().begin;
    auto us = [](auto d) { return std::chrono::duration<double, std::micro>(d).count(); };
    for (const Event& e : events_) {
      const std::string name = e.node ? (e.node->name.empty() ? e.node->op_type : e.node->name) : "reorder";
      out += cat(out.size() > 2 ? ",\n" : "", "{\"ph\":\"X\",\"cat\":\"Node\",\"pid\":1,\"tid\":", e.thread,
                 ",\"name\":", json_string(name), ",\"ts\":", us(e.begin - origin),
                 ",\"dur\":", us(e.end - e.begin),
                 ",\"args\":{\"op_name\":", json_string(e.node ? e.node->op_type : "Reorder"),
                 ",\"provider\":\"cpu\"}}");
    }
  }
  return out + "\n]\n";
}

Status Profiler::write_trace(const std::string& path) const {
  const std::string out = trace_json();
  const std::string_view parts[] = {out};
  return write_file(path, parts);
}

void Profiler::clear() {
  std::lock_guard lock(mutex_);
  events_.clear();
}

}  // namespace ow
