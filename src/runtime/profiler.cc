#include "runtime/profiler.h"

#include <algorithm>
#include <map>
#include <thread>

#include "base/file.h"

namespace ow {

namespace {

// Length of the UTF-8 sequence that `text` begins with; 0 if it is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t n = byte(0) < 0x80                      ? 1
                   : byte(0) >= 0xc2 && byte(0) < 0xe0 ? 2
                   : byte(0) >= 0xe0 && byte(0) < 0xf0 ? 3
                   : byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4
                                                       : 0;
  if (n == 0 || n > text.size()) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, and what lies past U+10FFFF.
  if (n > 2) {
    const int two = byte(0) << 8 | byte(1);
    if (two < 0xe0a0 || (two >= 0xeda0 && two < 0xee00) || (two >= 0xf000 && two < 0xf090) || two >= 0xf490)
      return 0;
  }
  return n;
}

}  // namespace

std::string json_string(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      const size_t n = utf8_length(text.substr(i));
      out += n ? text.substr(i, n) : std::string_view("\xef\xbf\xbd");  // names in a file may be anything
      i += n ? n - 1 : 0;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

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

Status Profiler::write_trace(const std::string& path) const {
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
  out += "\n]\n";
  const std::string_view parts[] = {out};
  return write_file(path, parts);
}

}  // namespace ow
